//! Files that are written completely or not at all, and that no link redirects.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use tempfile::{Builder, NamedTempFile};

/// Who may read a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Access {
    /// The owner, where the file system has a notion of one.
    Owner,
    /// The owner; on other file systems it is not written.
    Key,
    /// As the file that is replaced, or as the umask says.
    Umask,
}

/// Writes a temporary file in the same folder, flushes it to the disk and renames it. A link at the
/// destination is replaced, not followed. Devices and pipes are written in place.
pub(super) fn write(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    if in_place(path) {
        return open_in_place(path)?.write_all(bytes);
    }
    let file = temporary(path, bytes, access)?;
    file.persist(path).map_err(|error| error.error)?;
    flush_folder(path);
    Ok(())
}

/// Writes a file that must not exist yet; only its owner may read it.
pub(super) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = temporary(path, bytes, Access::Key)?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    flush_folder(path);
    Ok(())
}

/// Opens a file to add to it after its first bytes; only its owner may read a new file.
pub(super) fn open_to_add(path: &Path, kept: u64) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    #[cfg(windows)]
    let is_new = !path.exists();
    let file = options.open(path)?;
    #[cfg(windows)]
    if is_new {
        // As for a report: a file system without access lists keeps its own rules.
        let _ = restrict(path);
    }
    if file.metadata()?.is_file() {
        file.set_len(kept)?;
    }
    Ok(file)
}

/// Whether [`write`] can create or replace a file; the folder is as it was before.
///
/// # Errors
/// The folder is missing or not writable, or the path names a folder.
pub(super) fn check_writable(path: &Path) -> io::Result<()> {
    if cfg!(windows) && device(path).is_some() {
        return open_in_place(path).map(drop);
    }
    if in_place(path) {
        // Opening a pipe would wait for its reader, so only its existence is checked.
        return fs::metadata(path).map(drop);
    }
    if path.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    Builder::new().prefix(".entra-pg-").tempfile_in(folder(path)).map(drop)
}

/// Reads a file that holds a key: a regular file of this user, without links, that others cannot read.
/// Returns `None` if there is no such file.
///
/// # Errors
/// It cannot be read, is longer than the limit, or others can read, replace or have planted it.
pub(super) fn read_private(path: &Path, limit: u64) -> io::Result<Option<String>> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use nix::fcntl::OFlag;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    }
    // Without O_NOFOLLOW a link is found by its own metadata.
    let is_link = fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_symlink());
    if is_link {
        return Err(io::Error::other("it is a link; the key must be a file of its own"));
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    check_private(&file)?;
    let mut text = String::new();
    file.take(limit + 1).read_to_string(&mut text)?;
    if text.len() as u64 > limit {
        return Err(io::Error::other("it is longer than a key file"));
    }
    Ok(Some(text))
}

fn check_private(file: &File) -> io::Result<()> {
    let data = file.metadata()?;
    if !data.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if data.uid() != nix::unistd::geteuid().as_raw() {
            return Err(io::Error::other("it belongs to another user"));
        }
        if data.mode() & 0o077 != 0 {
            return Err(io::Error::other("other users have access to it; set its mode to 0600"));
        }
        if data.nlink() > 1 {
            return Err(io::Error::other("it has more than one name (hard links)"));
        }
    }
    Ok(())
}

fn temporary(path: &Path, bytes: &[u8], access: Access) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".entra-pg-");
    #[cfg(unix)]
    if access == Access::Umask {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder(path))?;
    #[cfg(windows)]
    match access {
        Access::Key => restrict(file.path())?,
        // A file system without access lists keeps its own rules.
        Access::Owner => {
            let _ = restrict(file.path());
        }
        Access::Umask => {}
    }
    file.write_all(bytes)?;
    #[cfg(unix)]
    if access == Access::Umask
        && let Ok(data) = fs::symlink_metadata(path)
        && data.is_file()
    {
        file.as_file().set_permissions(data.permissions())?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

/// Leaves access to the file to its owner only.
///
/// # Errors
/// The file system has no access lists.
#[cfg(windows)]
fn restrict(path: &Path) -> io::Result<()> {
    /// "Owner Rights". Source: Microsoft Learn, "Well-known SIDs".
    const OWNER: &str = "*S-1-3-4:F";
    let icacls = format!(r"{}\System32\icacls.exe", crate::environment::registry::windows_folder());
    let status = std::process::Command::new(icacls)
        .arg(path)
        .args(["/inheritance:r", "/grant:r", OWNER, "/q"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()?;
    let why = "its access list cannot be set: a key needs a file system such as NTFS";
    if status.success() { Ok(()) } else { Err(io::Error::other(why)) }
}

fn open_in_place(path: &Path) -> io::Result<File> {
    if cfg!(windows) && device(path) == Some(Device::Name) {
        return Err(io::Error::other(
            "Windows takes this name for a device, whatever its extension; choose another",
        ));
    }
    OpenOptions::new().write(true).open(path)
}

/// A path that Windows takes for a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Device {
    /// The device itself, such as `NUL`.
    Itself,
    /// A name such as `con.json`, which only newer versions take for a file.
    Name,
}

/// Source: Microsoft Learn, "Naming Files, Paths, and Namespaces".
fn device(path: &Path) -> Option<Device> {
    const NAMES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    let whole = path.file_name()?.to_str()?.trim_end().to_ascii_uppercase();
    let stem = whole.split(['.', ':']).next()?.trim_end();
    let port = |kind: &str| {
        let number = stem.strip_prefix(kind).map(|rest| rest.chars().collect::<Vec<_>>());
        number.is_some_and(|number| matches!(number.as_slice(), ['0'..='9' | '¹' | '²' | '³']))
    };
    if !NAMES.contains(&stem) && !port("COM") && !port("LPT") {
        return None;
    }
    Some(if stem == whole { Device::Itself } else { Device::Name })
}

/// Whether a path names something that cannot be replaced: a device, a pipe, a descriptor.
fn in_place(path: &Path) -> bool {
    if cfg!(windows) && device(path).is_some() {
        return true;
    }
    let special = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    special || fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir())
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The rename survives a crash only if the folder is flushed, too; not every file system can.
fn flush_folder(path: &Path) {
    if let Ok(folder) = File::open(folder(path)) {
        let _ = folder.sync_all();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::{Access, check_writable, create, read_private, write};
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt, symlink},
        path::Path,
    };

    #[test]
    fn a_file_is_replaced_completely_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report");
        fs::write(&path, "yesterday").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        write(&path, b"today", Access::Owner).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("read"), "today");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no temporary file");
    }

    #[test]
    fn a_file_that_cannot_be_written_keeps_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report");
        fs::create_dir(&path).expect("made");
        assert!(write(&path, b"today", Access::Owner).is_err());
        assert!(check_writable(&path).is_err(), "a folder");
        assert!(check_writable(&folder.path().join("none/report")).is_err());
        assert!(check_writable(&folder.path().join("other")).is_ok());
        assert!(check_writable(Path::new("/dev/null")).is_ok());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no temporary file");
        assert!(write(&folder.path().join("none/report"), b"x", Access::Owner).is_err());
    }

    #[test]
    fn a_link_at_the_destination_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (target, path) = (folder.path().join("target"), folder.path().join("report"));
        fs::write(&target, "precious").expect("written");
        symlink(&target, &path).expect("linked");
        write(&path, b"today", Access::Owner).expect("written");
        assert_eq!(fs::read_to_string(&target).expect("read"), "precious");
        assert_eq!(fs::read_to_string(&path).expect("read"), "today");
    }

    #[test]
    fn shared_files_keep_the_mode_of_the_file_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("metrics");
        fs::write(&path, "yesterday").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
        write(&path, b"today", Access::Umask).expect("written");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o640);
    }

    #[test]
    fn a_key_file_of_another_mode_or_behind_a_link_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        assert_eq!(read_private(&path, 9).expect("none"), None);
        create(&path, b"key").expect("written");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(read_private(&path, 9).expect("read").as_deref(), Some("key"));
        assert!(read_private(&path, 2).is_err(), "longer than the limit");
        assert!(create(&path, b"other").is_err(), "it exists");
        let link = folder.path().join("link");
        symlink(&path, &link).expect("linked");
        assert!(read_private(&link, 9).is_err());
        fs::remove_file(&link).expect("removed");
        fs::hard_link(&path, &link).expect("linked");
        assert!(read_private(&path, 9).is_err());
        fs::remove_file(&link).expect("removed");
        for mode in [0o640, 0o604, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            assert!(read_private(&path, 9).is_err(), "{mode:o}");
        }
        assert!(read_private(folder.path(), 9).is_err());
    }
}

#[cfg(test)]
mod name_tests {
    use super::{Device, device};
    use std::path::Path;

    #[test]
    fn names_of_devices_are_known() {
        let found = |name: &str| device(Path::new(name));
        for name in ["NUL", "nul", "con", "COM1", "lpt9", "folder/NUL", "conout$", "com²"] {
            assert_eq!(found(name), Some(Device::Itself), "{name}");
        }
        for name in ["con.json", "Aux.tar.gz", "nul.txt", "COM1.log"] {
            assert_eq!(found(name), Some(Device::Name), "{name}");
        }
        for name in ["console.json", "report.con", "com", "com10", "-", "null"] {
            assert_eq!(found(name), None, "{name}");
        }
    }
}

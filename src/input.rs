//! The only way to read files. A file is opened without blocking, must be a regular one, and is read up
//! to a limit: a named pipe, a device or an endless file is an error, never a wait.

use std::{
    fs::OpenOptions,
    io::{self, Read},
    path::Path,
};

/// A file that is about to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    path: &'a Path,
    follows_links: bool,
}

impl<'a> Source<'a> {
    /// A file by its path.
    #[must_use]
    pub(crate) const fn new(path: &'a Path) -> Self {
        Self { path, follows_links: true }
    }

    /// The same, unless the path itself is a symbolic link.
    #[must_use]
    pub(crate) const fn without_links(self) -> Self {
        Self { follows_links: false, ..self }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// It cannot be read, is not a regular file, or is longer than the limit.
    pub(crate) fn read(self, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.read_start(limit + 1)?;
        if bytes.len() as u64 > limit { Err(too_long(limit)) } else { Ok(bytes) }
    }

    /// At most so many bytes from its start.
    ///
    /// # Errors
    /// It cannot be read, or is not a regular file.
    pub(crate) fn read_start(self, limit: u64) -> io::Result<Vec<u8>> {
        let file = self.options().open(self.path)?;
        let kind = file.metadata()?.file_type();
        if !kind.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, not_regular(kind)));
        }
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[cfg(unix)]
    fn options(self) -> OpenOptions {
        use nix::fcntl::OFlag;
        use std::os::unix::fs::OpenOptionsExt;
        // Without O_NONBLOCK the open itself waits for a pipe's other end.
        let mut flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        if !self.follows_links {
            flags |= OFlag::O_NOFOLLOW;
        }
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(flags.bits());
        options
    }

    #[cfg(windows)]
    fn options(self) -> OpenOptions {
        use std::os::windows::fs::OpenOptionsExt;
        /// FILE_FLAG_OPEN_REPARSE_POINT: a link is opened itself, and is not a regular file.
        const ITSELF: u32 = 0x0020_0000;
        let mut options = OpenOptions::new();
        options.read(true);
        if !self.follows_links {
            options.custom_flags(ITSELF);
        }
        options
    }
}

/// The bytes of a file.
///
/// # Errors
/// It cannot be read, is not a regular file, or is longer than the limit.
pub(crate) fn bytes(path: impl AsRef<Path>, limit: u64) -> io::Result<Vec<u8>> {
    Source::new(path.as_ref()).read(limit)
}

/// The text of a file. What is not UTF-8 is replaced.
///
/// # Errors
/// It cannot be read, is not a regular file, or is longer than the limit.
pub(crate) fn text(path: impl AsRef<Path>, limit: u64) -> io::Result<String> {
    bytes(path, limit).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The start of a file of the system, of which the rest does not matter.
///
/// # Errors
/// It cannot be read, or is not a regular file.
pub(crate) fn text_start(path: impl AsRef<Path>, limit: u64) -> io::Result<String> {
    let bytes = Source::new(path.as_ref()).read_start(limit)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The bytes of an argument: a file; or a stream if the argument is `-` or, as the shell writes
/// `<(command)`, one of its own descriptors.
///
/// # Errors
/// It cannot be read, is neither, or is longer than the limit.
pub(crate) fn argument(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().take(limit + 1).read_to_end(&mut bytes)?;
    } else if path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd") {
        std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    } else {
        return self::bytes(path, limit);
    }
    if bytes.len() as u64 > limit { Err(too_long(limit)) } else { Ok(bytes) }
}

/// A document in UTF-8 without a byte order mark. Windows PowerShell 5.1 writes UTF-16 where others
/// write UTF-8.
///
/// # Errors
/// It is damaged UTF-16.
pub(crate) fn utf8(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut bytes = utf16(bytes)?;
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    Ok(bytes)
}

/// The same with the byte order mark of UTF-8, if there was one. The mark of UTF-16 belongs to the
/// encoding: every program that reads such a file drops it.
///
/// # Errors
/// It is damaged UTF-16.
pub(crate) fn utf16(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let little = match bytes.as_slice() {
        [0xff, 0xfe, ..] => true,
        [0xfe, 0xff, ..] => false,
        // ASCII without a mark.
        [1..=0x7f, 0, 1..=0x7f, 0, ..] => true,
        [0, 1..=0x7f, 0, 1..=0x7f, ..] => false,
        _ => return Ok(bytes),
    };
    let unit = |pair: &[u8]| match (pair, little) {
        ([low, high], true) => u16::from_le_bytes([*low, *high]),
        ([high, low], false) => u16::from_be_bytes([*high, *low]),
        // Half a character at the end.
        _ => 0xfffd,
    };
    let units = bytes.chunks(2).map(unit);
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map(|text| text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text).into_bytes())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is damaged UTF-16"))
}

/// A PEM file as OpenSSL reads it: it skips the byte order mark of UTF-8, and finds nothing in UTF-16.
///
/// # Errors
/// It is in UTF-16.
pub(crate) fn pem(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let why = "it is in UTF-16, as Windows PowerShell writes it, and OpenSSL reads plain text only";
    if is_utf16(&bytes) { Err(io::Error::new(io::ErrorKind::InvalidData, why)) } else { Ok(bytes) }
}

/// Whether programs that read plain UTF-8 stumble over a text: it is in UTF-16, or begins with a mark.
pub(crate) fn is_marked(bytes: &[u8]) -> bool {
    bytes.starts_with(MARK) || is_utf16(bytes)
}

/// Whether a text is in UTF-16, damaged or not.
fn is_utf16(bytes: &[u8]) -> bool {
    utf16(bytes.to_vec()).map_or(true, |decoded| decoded != bytes)
}

/// The byte order mark in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

fn too_long(limit: u64) -> io::Error {
    let limit = match limit {
        limit if limit < 1024 => format!("{limit} bytes"),
        limit if limit < 1024 * 1024 => format!("{} KiB", limit / 1024),
        limit => format!("{} MiB", limit / 1024 / 1024),
    };
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {limit}"))
}

#[cfg(unix)]
fn not_regular(kind: std::fs::FileType) -> String {
    use std::os::unix::fs::FileTypeExt;
    let what = if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    format!("it is {what}, not a regular file")
}

#[cfg(not(unix))]
fn not_regular(_: std::fs::FileType) -> String {
    "it is not a regular file".to_owned()
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use super::Source;
    use super::{bytes, is_marked, text_start, utf8, utf16};
    #[cfg(unix)]
    use std::path::Path;

    #[cfg(unix)]
    #[test]
    fn pipes_devices_and_folders_are_errors() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        for (path, expected) in [
            (pipe.as_path(), "a named pipe"),
            (Path::new("/dev/zero"), "a device"),
            (folder.path(), "a folder"),
        ] {
            let error = bytes(path, 10).expect_err("not a file").to_string();
            assert!(error.contains(expected), "{}: {error}", path.display());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_only_if_wanted() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "text").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        assert_eq!(Source::new(&link).read(10).expect("read"), b"text");
        assert!(Source::new(&link).without_links().read(10).is_err());
        assert_eq!(Source::new(&file).without_links().read(10).expect("read"), b"text");
    }

    #[test]
    fn a_limit_is_an_error_or_an_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "12345").expect("written");
        assert_eq!(bytes(&file, 5).expect("read"), b"12345");
        assert_eq!(bytes(&file, 4).expect_err("too long").to_string(), "it is longer than 4 bytes");
        assert_eq!(text_start(&file, 4).expect("read"), "1234");
    }

    #[test]
    fn what_powershell_writes_is_read() {
        let wide = |text: &str, mark: &str| -> Vec<u8> {
            format!("{mark}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        for mark in ["", "\u{feff}"] {
            assert_eq!(utf8(wide("{\"ä\": 1}", mark)).expect("text"), "{\"ä\": 1}".as_bytes());
        }
        assert_eq!(utf16(wide("eyJ", "\u{feff}")).expect("text"), b"eyJ");
        assert_eq!(utf16(b"\xef\xbb\xbfeyJ".to_vec()).expect("text"), b"\xef\xbb\xbfeyJ");
        assert_eq!(utf8(b"\xef\xbb\xbf{}".to_vec()).expect("text"), b"{}");
        assert_eq!(utf8(b"PK\x03\x04".to_vec()).expect("text"), b"PK\x03\x04");
        assert!(utf8(vec![0xff, 0xfe, 0, 0xd8]).is_err());
        let begin = "-----BEGIN CERTIFICATE-----";
        assert!(
            super::pem(wide(begin, "\u{feff}")).is_err() && super::pem(wide(begin, "")).is_err()
        );
        assert!(super::pem(format!("\u{feff}{begin}").into_bytes()).is_ok());
        assert!(is_marked(&wide("eyJ", "")) && is_marked(b"\xef\xbb\xbfeyJ"));
        assert!(!is_marked("eyJ ä".as_bytes()) && !is_marked(b""));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_decoded(bytes: Vec<u8>) {
            let _ = utf8(bytes);
        }
    }
}

//! The programs that can be started by their name.

use crate::environment::Environment;
use std::path::{Path, PathBuf};

/// The extensions of programs that Windows starts where PATHEXT is not set.
const EXTENSIONS: &str = ".COM;.EXE;.BAT;.CMD";
/// Folders of PATH that are searched.
const MAX_FOLDERS: usize = 512;

/// Whether a folder of PATH holds the program; `None` if PATH is not set: each shell then has folders of
/// its own.
pub(crate) fn is_on_path(environment: &Environment, name: &str) -> Option<bool> {
    environment.get("PATH").map(|_| find(environment, name).is_some())
}

/// The file that a shell starts for a name without a folder, other than one in the current folder.
pub(crate) fn find(environment: &Environment, name: &str) -> Option<PathBuf> {
    let path = environment.get("PATH")?;
    let extensions = cfg!(windows).then(|| environment.get("PATHEXT").unwrap_or(EXTENSIONS));
    let folders = std::env::split_paths(path).filter(|folder| !is_here(folder));
    candidates(folders, name, extensions).find(|file| is_program(file))
}

/// Whether an entry of PATH means the current folder.
fn is_here(folder: &Path) -> bool {
    folder.as_os_str().is_empty() || folder == Path::new(".")
}

/// The files that a shell would try, in its order.
fn candidates(
    folders: impl Iterator<Item = PathBuf>,
    name: &str,
    extensions: Option<&str>,
) -> impl Iterator<Item = PathBuf> {
    let names: Vec<String> = match extensions {
        None => vec![name.to_owned()],
        Some(list) => {
            let parts = list.split(';').filter(|extension| extension.starts_with('.'));
            let known: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
            // A name with such an extension is whole.
            let whole = known.iter().any(|known| name.to_ascii_lowercase().ends_with(known));
            let with = known.iter().map(|extension| format!("{name}{extension}"));
            whole.then(|| name.to_owned()).into_iter().chain(with).collect()
        }
    };
    folders
        .take(MAX_FOLDERS)
        .flat_map(move |folder| names.clone().into_iter().map(move |name| folder.join(name)))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::{candidates, is_here, is_on_path};
    use crate::environment::Environment;
    use std::path::{Path, PathBuf};

    #[test]
    fn windows_tries_every_extension_in_every_folder() {
        let folders = || ["a", "b"].map(PathBuf::from).into_iter();
        let tried = |extensions| -> Vec<String> {
            let found = candidates(folders(), "az", extensions);
            found.map(|file| file.display().to_string().replace('\\', "/")).collect()
        };
        assert_eq!(tried(None), ["a/az", "b/az"]);
        assert_eq!(tried(Some(".EXE;.CMD;x")), ["a/az.exe", "a/az.cmd", "b/az.exe", "b/az.cmd"]);
        let mut whole = candidates(folders(), "npm.CMD", Some(".EXE;.CMD"));
        assert_eq!(whole.next(), Some(PathBuf::from("a").join("npm.CMD")));
        assert!(is_here(Path::new(".")) && is_here(Path::new("")) && !is_here(Path::new("a")));
    }

    #[cfg(windows)]
    #[test]
    fn a_batch_file_is_found_by_its_extension() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().display().to_string();
        let found = |extensions: &str| {
            let pairs = [("Path", path.as_str()), ("PATHEXT", extensions)];
            is_on_path(&Environment::from_pairs(pairs), "az")
        };
        assert_eq!(found(".EXE;.CMD"), Some(false));
        std::fs::write(folder.path().join("az.cmd"), "").expect("written");
        assert_eq!((found(".EXE;.CMD"), found(".EXE")), (Some(true), Some(false)));
    }

    #[cfg(unix)]
    #[test]
    fn only_files_that_can_be_executed_count() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("az");
        std::fs::write(&file, "").expect("written");
        let environment = Environment::from_pairs([("PATH", folder.path().display().to_string())]);
        assert_eq!(is_on_path(&environment, "az"), Some(false));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("set");
        assert_eq!(is_on_path(&environment, "az"), Some(true));
        assert_eq!(is_on_path(&Environment::default(), "az"), None);
    }
}

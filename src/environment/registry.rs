//! Values of the Windows registry. A value that is missing or may not be read is `None`.

use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE};

/// Where a path begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hive {
    /// `HKEY_LOCAL_MACHINE`.
    Machine,
    /// `HKEY_CURRENT_USER`.
    User,
}

/// Names of subkeys that are read; a machine has a few dozen network interfaces.
const MAX_SUBKEYS: usize = 256;

fn open(hive: Hive, path: &str) -> Option<Key> {
    let root = match hive {
        Hive::Machine => LOCAL_MACHINE,
        Hive::User => CURRENT_USER,
    };
    root.open(path).ok()
}

/// A string value.
pub(crate) fn text(hive: Hive, path: &str, name: &str) -> Option<String> {
    open(hive, path)?.get_string(name).ok()
}

/// A string, or several as `REG_MULTI_SZ`.
pub(crate) fn texts(hive: Hive, path: &str, name: &str) -> Vec<String> {
    let Some(key) = open(hive, path) else {
        return Vec::new();
    };
    key.get_multi_string(name)
        .or_else(|_| key.get_string(name).map(|text| vec![text]))
        .unwrap_or_default()
}

/// A numeric value.
pub(crate) fn number(hive: Hive, path: &str, name: &str) -> Option<u32> {
    open(hive, path)?.get_u32(name).ok()
}

/// A binary value.
pub(crate) fn bytes(hive: Hive, path: &str, name: &str) -> Option<Vec<u8>> {
    let value = open(hive, path)?.get_value(name).ok()?;
    Some(value.to_vec())
}

/// The names of the keys below a path.
pub(crate) fn subkeys(hive: Hive, path: &str) -> Vec<String> {
    let Some(key) = open(hive, path) else {
        return Vec::new();
    };
    key.keys().map(|keys| keys.take(MAX_SUBKEYS).collect()).unwrap_or_default()
}

/// The folder of Windows, which is not always `C:\Windows`.
pub(crate) fn windows_folder() -> String {
    const VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
    text(Hive::Machine, VERSION, "SystemRoot")
        .filter(|folder| !folder.is_empty())
        .unwrap_or_else(|| r"C:\Windows".to_owned())
}

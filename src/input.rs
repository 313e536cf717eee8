//! Reading files that somebody else may have made: never more than so many bytes.

use std::{fs::File, io, io::Read, path::Path};

/// The text of a file. What is not UTF-8 is replaced, and what is beyond the limit is not read.
///
/// # Errors
/// The file cannot be opened or read.
pub fn text(path: impl AsRef<Path>, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

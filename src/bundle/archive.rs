//! Writing and reading the zip itself: the same files give the same bytes, and nothing from outside is
//! believed about its sizes and names.

use jiff::{Timestamp, tz::Offset};
use std::io::{self, Cursor, Read, Write};
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// Bytes that a bundle, a file in it, or all of them together may have. A real one has about 100 KB.
pub(crate) const LIMIT: u64 = 8 * 1024 * 1024;
/// Files that a bundle may have.
const MOST_FILES: usize = 256;

/// One file of a bundle.
pub(super) struct File {
    /// Its name; never with a folder.
    pub(super) name: String,
    /// What is in it.
    pub(super) bytes: Vec<u8>,
}

/// The zip, in the order given, with the time of the run on every file.
pub(super) fn write(files: &[File], time: Timestamp) -> io::Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(6))
        .last_modified_time(stamp(time))
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        zip.start_file(file.name.as_str(), options)?;
        zip.write_all(&file.bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Every file of a zip, in memory. Nothing is written to the disk.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<File>, String> {
    let broken = |error: zip::result::ZipError| format!("not a valid zip file: {error}");
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if zip.len() > MOST_FILES {
        return Err(format!("it has {} files, and a bundle has at most {MOST_FILES}", zip.len()));
    }
    let mut files = Vec::new();
    let mut left = LIMIT;
    for index in 0..zip.len() {
        let entry = zip.by_index(index).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        if !plain(&name) || !entry.is_file() {
            return Err(format!("the name {name:?} in it is not that of a plain file"));
        }
        // What the header says of the size is not believed: a bomb lies.
        let mut content = Vec::new();
        entry
            .take(left + 1)
            .read_to_end(&mut content)
            .map_err(|error| format!("{name} in it is damaged: {error}"))?;
        let length = content.len() as u64;
        if length > left {
            return Err(format!("unpacked it is longer than any bundle ({} MiB)", LIMIT >> 20));
        }
        left -= length;
        files.push(File { name, bytes: content });
    }
    Ok(files)
}

/// Whether a name is a file's own, without a way to anywhere.
fn plain(name: &str) -> bool {
    let harmless = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.chars().all(harmless)
}

/// A zip knows no time before 1980, and whole seconds in steps of two.
fn stamp(time: Timestamp) -> DateTime {
    let civil = Offset::UTC.to_datetime(time);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    DateTime::from_date_and_time(
        u16::try_from(civil.year()).unwrap_or_default(),
        part(civil.month()),
        part(civil.day()),
        part(civil.hour()),
        part(civil.minute()),
        part(civil.second()) & !1,
    )
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{File, plain, read, write};
    use jiff::Timestamp;

    #[test]
    fn what_is_written_is_read_and_the_same_gives_the_same() {
        let files = || vec![File { name: "a.txt".to_owned(), bytes: b"a".repeat(1000) }];
        let one = write(&files(), Timestamp::UNIX_EPOCH).expect("written");
        let two = write(&files(), Timestamp::UNIX_EPOCH).expect("written");
        assert_eq!(one, two);
        let back = read(&one).expect("read");
        assert_eq!((back[0].name.as_str(), back[0].bytes.len()), ("a.txt", 1000));
    }

    #[test]
    fn a_name_with_a_way_is_not_plain() {
        for name in ["", "../x", "/etc/x", "a/b", "a\\b", "C:x", "x\0", ".hidden", "ä"] {
            assert!(!plain(name), "{name}");
        }
        assert!(plain("report.json"));
    }
}

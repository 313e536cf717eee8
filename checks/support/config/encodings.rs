//! The character sets that a client of PostgreSQL can ask for.

/// Names and aliases without separators, in lower case.
/// Source: PostgreSQL documentation, "Character Set Support", and its list of aliases.
const NAMES: [&str; 82] = [
    "abc",
    "alt",
    "big5",
    "euccn",
    "eucjis2004",
    "eucjp",
    "euckr",
    "euctw",
    "gb18030",
    "gbk",
    "iso88591",
    "iso885910",
    "iso885913",
    "iso885914",
    "iso885915",
    "iso885916",
    "iso88592",
    "iso88593",
    "iso88594",
    "iso88595",
    "iso88596",
    "iso88597",
    "iso88598",
    "iso88599",
    "johab",
    "koi8",
    "koi8r",
    "koi8u",
    "latin1",
    "latin10",
    "latin2",
    "latin3",
    "latin4",
    "latin5",
    "latin6",
    "latin7",
    "latin8",
    "latin9",
    "mskanji",
    "muleinternal",
    "shiftjis",
    "shiftjis2004",
    "sjis",
    "sqlascii",
    "tcvn",
    "tcvn5712",
    "uhc",
    "unicode",
    "utf8",
    "vscii",
    "win",
    "win1250",
    "win1251",
    "win1252",
    "win1253",
    "win1254",
    "win1255",
    "win1256",
    "win1257",
    "win1258",
    "win866",
    "win874",
    "win932",
    "win936",
    "win949",
    "win950",
    "windows1250",
    "windows1251",
    "windows1252",
    "windows1253",
    "windows1254",
    "windows1255",
    "windows1256",
    "windows1257",
    "windows1258",
    "windows866",
    "windows874",
    "windows932",
    "windows936",
    "windows949",
    "windows950",
    "auto",
];

/// Whether PostgreSQL knows a character set: letters and digits count, case does not.
#[must_use]
pub fn is_known(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    NAMES.contains(&plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn names_are_compared_without_separators() {
        for name in ["UTF8", "utf-8", "Latin1", "ISO_8859_5", "WIN1252", "SQL_ASCII", "auto"] {
            assert!(is_known(name), "{name}");
        }
        for name in ["", "foo", "utf-16", "cp1252", "default"] {
            assert!(!is_known(name), "{name}");
        }
    }
}

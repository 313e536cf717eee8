//! PEM as OpenSSL reads it: one damaged block spoils the whole file.

use base64::{Engine, prelude::BASE64_STANDARD};

/// One block of a PEM file.
#[derive(Debug, PartialEq)]
pub(crate) struct Block {
    /// What the BEGIN line names, such as `CERTIFICATE`.
    pub(crate) label: String,
    /// The content.
    pub(crate) der: Vec<u8>,
}

impl Block {
    /// Whether OpenSSL reads a certificate from it.
    pub(crate) fn is_certificate(&self) -> bool {
        matches!(self.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE")
    }

    /// Whether OpenSSL reads a revocation list from it.
    pub(crate) fn is_revocation_list(&self) -> bool {
        self.label == "X509 CRL"
    }
}

/// The blocks up to the first damaged one, and what is wrong with that one.
pub(crate) fn blocks(bytes: &[u8]) -> (Vec<Block>, Option<String>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    while let Some(line) = lines.next() {
        let Some(label) = framed(line, "-----BEGIN ") else {
            continue;
        };
        let mut content = String::new();
        let mut ended = false;
        for line in lines.by_ref() {
            if let Some(end) = framed(line, "-----END ") {
                ended = end == label;
                break;
            }
            // A header of an encrypted key, such as `Proc-Type: 4,ENCRYPTED`.
            if !line.contains(':') {
                content.push_str(line.trim());
            }
        }
        if !ended {
            return (blocks, Some("bad end line".to_owned()));
        }
        match BASE64_STANDARD.decode(&content) {
            Ok(der) => blocks.push(Block { label: label.to_owned(), der }),
            Err(_) => return (blocks, Some("bad base64 decode".to_owned())),
        }
    }
    (blocks, None)
}

/// Certificates as a PEM file.
#[cfg(any(windows, test))]
pub(crate) fn certificates<'a>(all: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut out = String::new();
    for der in all {
        let text = BASE64_STANDARD.encode(der);
        out.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(64) {
            out.push_str(&String::from_utf8_lossy(line));
            out.push('\n');
        }
        out.push_str("-----END CERTIFICATE-----\n");
    }
    out
}

fn framed<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn reads_blocks_behind_a_byte_order_mark_and_text() {
        let text = "\u{feff}-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----\r\nnote\n\
                    -----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----";
        let (found, error) = blocks(text.as_bytes());
        assert_eq!((found.len(), error), (2, None));
        assert!(found.iter().all(super::Block::is_certificate));
    }

    #[test]
    fn what_is_written_is_read() {
        let all: [&[u8]; 2] = [&[7; 100], &[1, 2, 3]];
        let text = super::certificates(all);
        assert!(text.lines().all(|line| line.len() <= 64));
        let (found, error) = blocks(text.as_bytes());
        assert_eq!(error, None);
        assert!(found.iter().map(|block| block.der.as_slice()).eq(all));
    }

    #[test]
    fn a_damaged_block_is_an_error() {
        let good = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for bad in [
            "-----BEGIN CERTIFICATE-----\nA*AA\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END X509 CRL-----\n",
        ] {
            assert!(blocks(format!("{good}{bad}").as_bytes()).1.is_some(), "{bad}");
            assert!(blocks(format!("{bad}{good}").as_bytes()).1.is_some(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            blocks(&bytes);
        }
    }
}

//! PostgreSQL messages, as far as they are read here. postgres-protocol parses; this bounds.

use bytes::BytesMut;
use entra_pg_checks::facts::login::ServerError;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{ErrorResponseBody, Message};

/// Characters of a server's text that are kept.
const MOST: usize = 2000;

/// The error in a message that begins with `E`; also the bare text of servers before protocol 3.
pub(super) fn error(bytes: &[u8]) -> Option<ServerError> {
    let mut buffer = BytesMut::from(bytes);
    match Message::parse(&mut buffer) {
        Ok(Some(Message::ErrorResponse(body))) => Some(read_error(&body)),
        _ => {
            let text = printable(bytes.get(1..)?, MOST);
            (text.len() > 3).then(|| ServerError { message: text, ..ServerError::default() })
        }
    }
}

/// The fields of an ErrorResponse.
pub(super) fn read_error(body: &ErrorResponseBody) -> ServerError {
    let mut error = ServerError::default();
    let mut fields = body.fields();
    while let Ok(Some(field)) = fields.next() {
        let text = bounded(&String::from_utf8_lossy(field.value_bytes()));
        match field.type_() {
            // `V` is never translated; `S` is.
            b'V' => error.severity = text,
            b'S' if error.severity.is_empty() => error.severity = text,
            b'C' => error.sqlstate = text,
            b'M' => error.message = text,
            b'D' => error.detail = Some(text),
            b'H' => error.hint = Some(text),
            b'R' => error.routine = Some(text),
            _ => {}
        }
    }
    error
}

/// The same from tokio-postgres.
pub(super) fn from_db_error(error: &tokio_postgres::error::DbError) -> ServerError {
    ServerError {
        // The translated one where there is no other.
        severity: bounded(&severity(error)),
        sqlstate: bounded(error.code().code()),
        message: bounded(error.message()),
        detail: error.detail().map(bounded),
        hint: error.hint().map(bounded),
        routine: error.routine().map(bounded),
    }
}

fn severity(error: &tokio_postgres::error::DbError) -> String {
    use tokio_postgres::error::Severity;
    match error.parsed_severity() {
        Some(Severity::Panic) => "PANIC".to_owned(),
        Some(Severity::Fatal) => "FATAL".to_owned(),
        Some(Severity::Error) => "ERROR".to_owned(),
        Some(_) | None => error.severity().to_owned(),
    }
}

/// The printable ASCII characters, at most so many.
pub(super) fn printable(bytes: &[u8], most: usize) -> String {
    let plain = |byte: &&u8| byte.is_ascii_graphic() || **byte == b' ';
    bytes
        .iter()
        .take_while(|byte| **byte != b'\r' && **byte != b'\n')
        .filter(plain)
        .map(|byte| char::from(*byte))
        .take(most)
        .collect()
}

fn bounded(text: &str) -> String {
    text.chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::{error, printable};

    #[test]
    fn reads_an_error_response() {
        let mut message = b"E\0\0\0\0SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry\0\0".to_vec();
        let length = u32::try_from(message.len() - 1).expect("short").to_be_bytes();
        message[1..5].copy_from_slice(&length);
        let error = error(&message).expect("an error");
        assert_eq!((error.sqlstate.as_str(), error.severity.as_str()), ("28000", "FATAL"));
        assert_eq!(error.message, "no pg_hba.conf entry");
    }

    #[test]
    fn rubbish_is_shortened_and_stripped() {
        assert_eq!(printable(b"\x1b[31mHTTP/1.1 400 Bad\r\nServer: x", 12), "[31mHTTP/1.1");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            error(&bytes);
        }
    }
}

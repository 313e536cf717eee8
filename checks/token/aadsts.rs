//! Error numbers of the token authority.

/// The first number of the form `AADSTS50076` in a text.
#[must_use]
pub fn code_in(text: &str) -> Option<u32> {
    let start = text.find("AADSTS")? + "AADSTS".len();
    let digits: String = text
        .get(start..)?
        .chars()
        .take_while(char::is_ascii_digit)
        .take(9)
        .collect();
    digits.parse().ok()
}

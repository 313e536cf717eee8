//! Quoting by the rules of each shell. `None` means that the shell cannot hold the value.
//!
//! Sources: POSIX.1-2024, Shell Command Language, 2.2 and 2.2.4 (dollar-single-quotes);
//! PowerShell, about_Quoting_Rules and about_Parsing; Windows, "cmd", "set" and "for".

use super::{Piece, Prompt, Word};
use crate::facts::vantage::Shell;
use std::fmt::Write;

/// Characters that no shell treats specially anywhere in a word.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_./:@+=,".contains(character)
}

/// Characters that a terminal may act on or hide, so that they must not be in a line to paste.
pub(super) fn is_unsafe(character: char) -> bool {
    character.is_control() || crate::support::name::compare::is_invisible(character)
}

/// One argument of a program.
pub(super) fn word(prompt: Prompt, program: &str, word: &Word) -> Option<String> {
    let shell = prompt.shell;
    let text: String = word
        .0
        .iter()
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Unknown(_) => None,
        })
        .collect();
    let has_variable = word.0.iter().any(|piece| matches!(piece, Piece::Unknown(_)));
    // cmd and PowerShell split words at commas, semicolons and equals signs in some places.
    let plain = |c: char| is_plain(c) && (shell == Shell::Posix || !",=@".contains(c));
    if !has_variable && !text.is_empty() && text.chars().all(plain) && !text.starts_with('=') {
        return Some(text);
    }
    match shell {
        Shell::Posix => posix_word(word),
        Shell::PowerShell => power_shell_word(prompt, program, word),
        Shell::Cmd => cmd_word(word),
    }
}

fn posix_word(word: &Word) -> Option<String> {
    if let [Piece::Text(text)] = word.0.as_slice() {
        return Some(posix(text));
    }
    let pieces = word.0.iter().map(|piece| match piece {
        Piece::Text(text) if text.chars().all(is_plain) => text.clone(),
        Piece::Text(text) => posix(text),
        Piece::Unknown(name) => format!("\"${name}\""),
    });
    Some(pieces.collect::<String>()).filter(|word| !word.is_empty()).or(Some("''".to_owned()))
}

/// A POSIX string, with escapes (bash, zsh) if a character must not be pasted as it is.
pub(super) fn posix(text: &str) -> String {
    if !text.chars().any(is_unsafe) {
        // Double quotes read better around single ones, if nothing inside has a meaning there.
        return if text.contains('\'') && !text.contains(['"', '$', '`', '\\', '!']) {
            format!("\"{text}\"")
        } else {
            format!("'{}'", text.replace('\'', r"'\''"))
        };
    }
    let mut out = String::from("$'");
    for character in text.chars() {
        match character {
            '\'' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // The bytes, since \u needs a UTF-8 locale and a following digit would be taken for its own.
            unsafe_one if is_unsafe(unsafe_one) => {
                for byte in unsafe_one.to_string().bytes() {
                    let _ = write!(out, "\\{byte:03o}");
                }
            }
            plain => out.push(plain),
        }
    }
    out.push('\'');
    out
}

fn power_shell_word(prompt: Prompt, program: &str, word: &Word) -> Option<String> {
    // On Windows az is a batch file, whose arguments cmd reads once more unless they are quoted.
    let batch_file = prompt.windows && (program == "az" || program == "azd");
    let texts = || {
        word.0.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Unknown(_) => None,
        })
    };
    // Windows PowerShell drops double quotes inside arguments of native programs.
    if texts().any(|text| text.contains('"')) {
        return None;
    }
    if batch_file && texts().any(|text| text.contains('%')) {
        return None;
    }
    // PowerShell itself quotes an argument with a blank.
    let reread = batch_file
        && texts().any(|text| text.contains(['&', '|', '<', '>', '^', '(', ')']))
        && !texts().any(|text| text.contains(' '));
    match word.0.as_slice() {
        // Windows PowerShell drops an empty argument of a program.
        [] if batch_file => Some("'\"\"'".to_owned()),
        [Piece::Text(text)] if batch_file && text.is_empty() => Some("'\"\"'".to_owned()),
        [] => Some("''".to_owned()),
        [Piece::Unknown(name)] => Some(format!("${name}")),
        [Piece::Text(text)] if reread => power_shell(&format!("\"{text}\"")),
        [Piece::Text(text)] => power_shell(text),
        pieces => {
            let joined: Option<Vec<String>> = pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => power_shell(text),
                    Piece::Unknown(name) => Some(format!("${name}")),
                })
                .collect();
            let joined = joined?.join(" + ");
            Some(if reread { format!("('\"' + {joined} + '\"')") } else { format!("({joined})") })
        }
    }
}

/// A PowerShell string. Typographic quotation marks close a string as well as the plain one does.
pub(super) fn power_shell(text: &str) -> Option<String> {
    if text.chars().any(is_unsafe) {
        return None;
    }
    let doubled = |mut out: String, c: char| {
        out.push(c);
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            out.push(c);
        }
        out
    };
    Some(format!("'{}'", text.chars().fold(String::new(), doubled)))
}

fn cmd_word(word: &Word) -> Option<String> {
    let pieces: Option<String> = word
        .0
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => cmd_inside(text),
            Piece::Unknown(name) => Some(format!("%{name}%")),
        })
        .collect();
    // A backslash before the closing mark would escape it for the program.
    pieces.filter(|text| !text.ends_with('\\')).map(|text| format!("\"{text}\""))
}

/// Text between double quotes at the prompt: a percent sign cannot be escaped there, and a double
/// quote ends the string.
fn cmd_inside(text: &str) -> Option<String> {
    let fits = !text.chars().any(|c| is_unsafe(c) || matches!(c, '"' | '%' | '!' | '^'));
    fits.then(|| text.to_owned())
}

/// Sets an environment variable.
pub(super) fn set(shell: Shell, variable: &str, value: &str) -> Option<String> {
    Some(match shell {
        Shell::Posix => format!("export {variable}={}", posix(value)),
        Shell::PowerShell => format!("$env:{variable} = {}", power_shell(value)?),
        // The quotation marks enclose the assignment, or they would become part of the value.
        Shell::Cmd => format!("set \"{variable}={}\"", cmd_inside(value)?),
    })
}

/// Sets a variable that only the next lines use.
pub(super) fn assign(shell: Shell, variable: &str, value: &str) -> String {
    match shell {
        Shell::Posix => format!("{variable}={}", posix(value)),
        Shell::PowerShell => format!("${variable} = '{}'", value.replace('\'', "''")),
        Shell::Cmd => format!("set \"{variable}={value}\""),
    }
}

/// Removes an environment variable.
pub(super) fn unset(shell: Shell, variable: &str) -> String {
    match shell {
        Shell::Posix => format!("unset {variable}"),
        Shell::PowerShell => format!("Remove-Item Env:{variable}"),
        Shell::Cmd => format!("set \"{variable}=\""),
    }
}

/// Puts the output of a command into an environment variable.
pub(super) fn set_output(shell: Shell, variable: &str, command: &str) -> String {
    match shell {
        Shell::Posix => format!("export {variable}=\"$({command})\""),
        Shell::PowerShell => format!("$env:{variable} = ({command})"),
        Shell::Cmd => {
            format!("for /f \"delims=\" %t in ('{command}') do @set \"{variable}=%t\"")
        }
    }
}

//! The logs of CI systems that read commands from them. Only these two types write a command.

use super::{Inert, clean};

/// Workflow commands of GitHub Actions.
///
/// Source: GitHub's toolkit, `packages/core/src/command.ts`.
#[derive(Debug, Default)]
pub(crate) struct GithubLog(String);

impl GithubLog {
    /// An annotation: `kind` is `error`, `warning` or `notice`.
    pub(crate) fn annotation(&mut self, kind: &'static str, title: &str, message: &str) {
        let data = |text: &str| clean(text).replace('%', "%25");
        let title = data(title).replace(':', "%3A").replace(',', "%2C");
        self.0.push_str(&format!("::{kind} title={title}::{}\n", data(message)));
    }

    /// The log.
    #[must_use]
    pub(crate) fn finish(self) -> Inert {
        Inert::checked(self.0)
    }
}

/// Logging commands of Azure Pipelines.
///
/// Source: Microsoft Learn, "Logging commands".
#[derive(Debug, Default)]
pub(crate) struct AzureLog(String);

impl AzureLog {
    /// A command such as `task.logissue` with its properties and message.
    pub(crate) fn command(
        &mut self,
        command: &'static str,
        properties: &[(&'static str, &str)],
        message: &str,
    ) {
        self.0.push_str(&format!("##vso[{command} "));
        for (name, value) in properties {
            let value = Self::data(value).replace(']', "%5D").replace(';', "%3B");
            self.0.push_str(&format!("{name}={value};"));
        }
        self.0.push_str(&format!("]{}\n", Self::data(message)));
    }

    /// A line that is not a command.
    pub(crate) fn line(&mut self, text: &str) {
        let line = Self::data(text);
        self.0.push_str(&String::from_utf8_lossy(&Inert::text(&line)));
        self.0.push('\n');
    }

    /// The log.
    #[must_use]
    pub(crate) fn finish(self) -> Inert {
        Inert::checked(self.0)
    }

    fn data(text: &str) -> String {
        clean(text).replace('%', "%AZP25")
    }
}

#[cfg(test)]
mod tests {
    use super::{AzureLog, GithubLog};

    #[test]
    fn a_value_cannot_add_a_command_or_a_property() {
        let mut log = GithubLog::default();
        log.annotation("error", "a,b::c", "50%\n::warning::x ##[error]y");
        let text = String::from_utf8(log.finish().into_bytes()).expect("UTF-8");
        assert_eq!(text, "::error title=a%2Cb%3A%3Ac::50%25 ::warning::x ## [error]y\n");
        let mut log = AzureLog::default();
        log.command("task.logissue", &[("type", "error"), ("code", "a];b")], "50%\r\n##vso[x]y");
        log.line("::error::x");
        let text = String::from_utf8(log.finish().into_bytes()).expect("UTF-8");
        assert_eq!(
            text,
            "##vso[task.logissue type=error;code=a%5D%3Bb;]50%AZP25\u{fffd} ##vso [x]y\n: :error::x\n"
        );
    }
}

//! Scripts for a workstation with the Azure CLI that run the doctor on a machine or in a web app.

use super::{Download, Task};
use entra_pg_checks::{facts::vantage::Shell, text::quoted};
use std::fmt::Write;

/// Which machine.
#[derive(Clone, Debug)]
pub(crate) enum Machine {
    /// A virtual machine.
    Vm {
        /// Its resource group.
        group: String,
        /// Its name.
        name: String,
    },
    /// An instance of a scale set.
    ScaleSet {
        /// Its resource group.
        group: String,
        /// The name of the scale set.
        name: String,
        /// The instance.
        instance: String,
    },
}

/// `az vm run-command invoke`: the program as base64 in parts, or from an address.
#[derive(Clone, Debug)]
pub(crate) struct RunCommand {
    /// Which machine.
    pub(crate) machine: Machine,
    /// Where the machine downloads the program, if it does not travel in parts.
    pub(crate) download: Option<Download>,
}

/// A web app or a function app.
#[derive(Clone, Debug)]
pub(crate) struct WebApp {
    /// Its resource group.
    pub(crate) group: String,
    /// Its name.
    pub(crate) name: String,
}

impl Machine {
    fn invoke(&self) -> String {
        let word = |text: &str| quoted(Shell::Posix, text);
        match self {
            Self::Vm { group, name } => format!(
                "az vm run-command invoke --resource-group {} --name {}",
                word(group),
                word(name)
            ),
            Self::ScaleSet { group, name, instance } => format!(
                "az vmss run-command invoke --resource-group {} --name {} --instance-id {}",
                word(group),
                word(name),
                word(instance)
            ),
        }
    }
}

/// Runs a script on the machine and prints its standard output. The answer holds the last 4 KB only,
/// between the lines [stdout] and [stderr].
const INVOKE: &str = r#"
# Runs a script, read from standard input, on the machine and prints what it printed.
on_machine() {
    local script answer
    script=$(mktemp)
    cat >"$script"
    answer=$(@INVOKE@ --command-id RunShellScript \
        --scripts "@$script" --query 'value[0].message' --output tsv)
    rm -f "$script"
    sed -e '1,/^\[stdout\]$/d' -e '/^\[stderr\]$/,$d' <<<"$answer"
}
folder=${ENTRA_PG_FOLDER:-/var/tmp/entra-pg}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"#;

const IN_PARTS: &str = r#"
# Sends the program in parts and verifies its checksum on the machine.
send() {
    local sum part number=0
    sum=$(sha256sum <"$program" | cut -d' ' -f1)
    gzip -9 -n -c "$program" | base64 -w0 >"$work/program"
    split -b 190000 -a 3 -d "$work/program" "$work/part."
    on_machine >/dev/null <<<"rm -rf $folder; umask 077; mkdir -p $folder"
    for part in "$work"/part.*; do
        number=$((number + 1))
        echo "part $number" >&2
        { printf "umask 077; cat >$folder/%s <<'END'\n" "${part##*/}"; cat "$part"; printf '\nEND\n'; } |
            on_machine >/dev/null
    done
    on_machine <<END
set -e
cd $folder
cat part.* | tr -d '\n' | base64 -d | gzip -d >entra-pg
echo "$sum  entra-pg" | sha256sum -c
chmod 700 entra-pg
rm -f part.*
END
}
"#;

const BY_ADDRESS: &str = r#"
# Lets the machine download the program and verifies its checksum.
send() {
    on_machine <<END
set -e
umask 077
mkdir -p $folder
cd $folder
curl --fail --silent --show-error --location --output entra-pg @URL@
echo "@SUM@  entra-pg" | sha256sum -c
chmod 700 entra-pg
END
}
"#;

const ACTIONS: &str = r#"
# Runs the doctor; the machine keeps the whole report.
run() {
    on_machine <<END | tee "$work/output"
cd $folder || exit
@ENV@./entra-pg @ARGS@ --report=json=report.json
echo "exit code \$?"
END
    grep -q '^exit code 0$' "$work/output"
}

# Fetches the whole report in parts of 3,000 characters.
fetch() {
    local length at=0
    length=$(on_machine <<<"cd $folder && gzip -9 -n -c report.json | base64 -w0 >report && wc -c <report")
    while [ "$at" -lt "$length" ]; do
        on_machine <<<"tail -c +$((at + 1)) $folder/report | head -c 3000; echo" >>"$work/report"
        at=$((at + 3000))
    done
    tr -d '\n ' <"$work/report" | base64 -d | gzip -d
}

clean() { on_machine <<<"rm -rf $folder"; }

case "${1:-all}" in
send | run | fetch | clean) "$1" ;;
all) send && run ;;
*) echo "usage: $0 [send|run|fetch|clean]" >&2; exit 2 ;;
esac
"#;

impl RunCommand {
    /// The script, without its notes.
    #[must_use]
    pub(crate) fn script(&self, task: &Task) -> String {
        let mut text = String::from("set -euo pipefail\n");
        if self.download.is_none() {
            text.push_str("program=${ENTRA_PG_PROGRAM:-./entra-pg}\n");
        }
        text.push_str(&INVOKE.replace("@INVOKE@", &self.machine.invoke()));
        match &self.download {
            None => text.push_str(IN_PARTS),
            Some(download) => {
                let url = quoted(Shell::Posix, download.url.as_deref().unwrap_or_default());
                let sum = download.sha256.as_deref().unwrap_or_default();
                text.push_str(&BY_ADDRESS.replace("@URL@", &url).replace("@SUM@", sum));
            }
        }
        let args: Vec<String> = task.args.iter().map(|word| quoted(Shell::Posix, word)).collect();
        let mut env = String::new();
        for (name, value) in &task.env {
            let _ = write!(env, "{name}={} ", quoted(Shell::Posix, value));
        }
        text.push_str(
            &ACTIONS
                .replace("@ENV@", &in_document(&env))
                .replace("@ARGS@", &in_document(&args.join(" "))),
        );
        text
    }
}

/// Protects a text in a here-document from the shell that reads the document.
fn in_document(text: &str) -> String {
    text.replace('\\', "\\\\").replace('$', "\\$").replace('`', "\\`")
}

const WEB_APP: &str = r#"
program=${ENTRA_PG_PROGRAM:-./entra-pg}
case "${1:-}" in
"") az webapp deploy @APP@ --src-path "$program" \
        --type static --target-path /home/site/tools/entra-pg --clean false --restart false
    cat <<'END'
Open the SSH console of the app (or https://@HOST@/webssh/host) and paste:

chmod +x /home/site/tools/entra-pg
@ENV@/home/site/tools/entra-pg @ARGS@

To open it:

az webapp ssh @APP@
END
    ;;
*) echo "usage: $0" >&2; exit 2 ;;
esac
"#;

impl WebApp {
    /// The script, without its notes.
    #[must_use]
    pub(crate) fn script(&self, task: &Task) -> String {
        let word = |text: &str| quoted(Shell::Posix, text);
        let app = format!("--resource-group {} --name {}", word(&self.group), word(&self.name));
        let args: Vec<String> = task.args.iter().map(|text| word(text)).collect();
        let mut env = String::new();
        for (name, value) in &task.env {
            let _ = write!(env, "{name}={} ", word(value));
        }
        let text = WEB_APP
            .replace("@APP@", &app)
            .replace("@HOST@", &format!("{}.scm.azurewebsites.net", self.name))
            .replace("@ENV@", &env)
            .replace("@ARGS@", &args.join(" "));
        format!("set -euo pipefail\n{text}")
    }
}

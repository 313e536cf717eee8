//! Commands as each shell reads them; bash and zsh are asked themselves.

use super::{Command, Language, guid, identifier, literal};
use crate::facts::vantage::Shell;
use proptest::prelude::{prop_assert_eq, proptest};

fn text(command: &Command, shell: Shell) -> String {
    command.render(shell).expect("it can be rendered").text
}

#[test]
fn unknown_values_are_variables_above_the_command() {
    let show = Command::new("az postgres flexible-server show -g $RG -n")
        .value("pg-prod")
        .words("--query '[state,network.publicNetworkAccess]'");
    assert_eq!(
        text(&show, Shell::Posix),
        "RG='<resource group of the server>'\naz postgres flexible-server show -g \"$RG\" -n pg-prod --query '[state,network.publicNetworkAccess]'"
    );
    assert_eq!(
        text(&show, Shell::PowerShell),
        "$RG = '<resource group of the server>'\naz postgres flexible-server show -g $RG -n pg-prod --query '[state,network.publicNetworkAccess]'"
    );
    assert_eq!(
        text(&show, Shell::Cmd),
        "set \"RG=<resource group of the server>\"\naz postgres flexible-server show -g \"%RG%\" -n pg-prod --query \"[state,network.publicNetworkAccess]\""
    );
    let known = text(&show.with("RG", Some("rg prod")), Shell::Posix);
    assert!(known.starts_with("az postgres flexible-server show -g 'rg prod' -n"), "{known}");
}

#[test]
fn variables_inside_a_word_are_kept_in_one_word() {
    let dig = Command::new("curl -sS https://$SERVER_HOST/common/discovery");
    assert!(text(&dig, Shell::Posix).ends_with("https://\"$SERVER_HOST\"/common/discovery"));
    assert!(
        text(&dig, Shell::PowerShell)
            .ends_with("('https://' + $SERVER_HOST + '/common/discovery')")
    );
    assert!(text(&dig, Shell::Cmd).ends_with("\"https://%SERVER_HOST%/common/discovery\""));
}

#[test]
fn values_that_cmd_cannot_hold_are_given_for_powershell() {
    for value in ["a%PATH%b", "Alice\" & calc & \"", "a!b", "a^b"] {
        let set = Command::set("PGUSER", value);
        let rendered = set.render(Shell::Cmd).expect("PowerShell can");
        assert_eq!(rendered.language, Language::PowerShell, "{value}");
        assert!(rendered.text.starts_with("$env:PGUSER = '"));
    }
    assert_eq!(
        text(&Command::set("PGUSER", "Prod DB & Co"), Shell::Cmd),
        "set \"PGUSER=Prod DB & Co\""
    );
    // What no form can hold is not printed.
    assert_eq!(Command::set("PGUSER", "a\u{1b}]0;x").render(Shell::PowerShell), None);
    assert_eq!(Command::new("az x").value("a\"b").render(Shell::Cmd), None);
}

#[test]
fn what_terminals_act_on_is_escaped() {
    let set = Command::set("PGUSER", "a\u{1b}[201~\nb\u{202e}1'\\");
    assert_eq!(text(&set, Shell::Posix), r"export PGUSER=$'a\033[201~\nb\342\200\2561\'\\'");
}

#[test]
fn azure_cli_arguments_are_quoted_twice_in_powershell() {
    let command = Command::new("az group show -n").value("a&b");
    assert_eq!(text(&command, Shell::PowerShell), "az group show -n '\"a&b\"'");
    assert_eq!(text(&Command::new("psql -c").value("a&b"), Shell::PowerShell), "psql -c 'a&b'");
}

#[test]
fn steps_follow_each_other() {
    let token = Command::new("az logout").then(
        Command::new("az account get-access-token --query accessToken -o tsv")
            .into_variable("PGPASSWORD"),
    );
    assert_eq!(
        text(&token, Shell::Posix),
        "az logout\nexport PGPASSWORD=\"$(az account get-access-token --query accessToken -o tsv)\""
    );
    assert_eq!(text(&Command::unset("PGHOST"), Shell::PowerShell), "Remove-Item Env:PGHOST");
    assert_eq!(
        text(
            &Command::new("openssl s_client -connect").value("h:5432").no_input(),
            Shell::PowerShell
        ),
        "$null | openssl s_client -connect h:5432"
    );
}

#[test]
fn sql_is_quoted_by_its_own_rules() {
    assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
    assert_eq!(identifier("a$(b)`c`\\\""), "U&\"a\\0024(b)\\0060c\\0060\\\\\"\"\"");
    assert_eq!(literal("O'Neil\\"), "'O''Neil\\'");
    assert_eq!(
        guid("11111111-2222-3333-4444-55555555AAAA"),
        Some("11111111-2222-3333-4444-55555555AAAA")
    );
    assert_eq!(guid("x,type=user'; alter role postgres superuser; --"), None);
    assert_eq!(guid("------------------------------------"), None);
    assert_eq!(
        Command::sql("select 1;").render(Shell::Cmd).map(|r| r.language),
        Some(Language::Sql)
    );
}

/// What a shell makes of the one argument, or `None` where that shell is not installed.
fn read_back(shell: &str, line: &str) -> Option<String> {
    let output = std::process::Command::new(shell).args(["-c", line]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn posix_shells_read_the_value_back(value in "[^\\x00]{0,40}") {
        let line = text(&Command::new("printf %s").value(&value), Shell::Posix);
        let set = text(&Command::set("X", &value), Shell::Posix);
        for shell in ["bash", "zsh"] {
            if let Some(read) = read_back(shell, &line) {
                prop_assert_eq!(&read, &value, "{}: {}", shell, &line);
                let read = read_back(shell, &format!("{set}; printf %s \"$X\""));
                prop_assert_eq!(read.as_deref(), Some(value.as_str()), "{}: {}", shell, &set);
            }
        }
    }
}

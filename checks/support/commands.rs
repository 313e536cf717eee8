//! Commands that several checks print.

use crate::{
    command::{Command, guid, identifier, literal},
    facts::{
        settings::Origin,
        vantage::{Shell, Vantage},
    },
};
use std::net::IpAddr;

/// The system whose tools a command must use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum System {
    /// A Linux system.
    Linux,
    /// A macOS system.
    MacOs,
    /// A Windows system.
    Windows,
}

impl System {
    /// The system of the run. A name that is not known is taken for Linux.
    #[must_use]
    pub fn of(vantage: &Vantage) -> Self {
        let os = vantage.os.to_ascii_lowercase();
        if os.starts_with("windows") {
            Self::Windows
        } else if os.starts_with("darwin") || os.starts_with("macos") {
            Self::MacOs
        } else {
            Self::Linux
        }
    }
}

/// Prints a token for an audience with the Azure CLI.
#[must_use]
pub fn azure_cli_token(audience: &str, tenant: Option<&str>) -> Command {
    let command =
        Command::new("az account get-access-token --scope").value(format!("{audience}/.default"));
    let command = match tenant {
        Some(tenant) => command.words("--tenant").value(tenant),
        None => command,
    };
    command.words("--query accessToken -o tsv")
}

/// Puts a token into PGPASSWORD without showing it.
#[must_use]
pub fn fresh_token(audience: &str, tenant: Option<&str>) -> Command {
    azure_cli_token(audience, tenant).into_variable("PGPASSWORD")
}

/// Signs in with the Azure CLI.
#[must_use]
pub fn sign_in(tenant: Option<&str>) -> Command {
    let login = Command::new("az login");
    match tenant {
        Some(tenant) => login.words("--tenant").value(tenant),
        None => login,
    }
}

/// Signs in anew and gets a token: a new sign-in is the only way to a token that knows about a new
/// group, because the CLI keeps a token until it expires.
#[must_use]
pub fn new_sign_in(audience: &str, tenant: Option<&str>) -> Command {
    Command::new("az logout").then(sign_in(tenant)).then(fresh_token(audience, tenant))
}

/// Shows properties of a server.
#[must_use]
pub fn show_server(server: Option<&str>, query: &'static str) -> Command {
    Command::new("az postgres flexible-server show -g $RG -n $SERVER --query")
        .value(query)
        .with("SERVER", server)
}

/// Adds a firewall rule for a client's address; only IPv4 addresses can be in one.
/// Source: <https://learn.microsoft.com/azure/postgresql/network/how-to-networking-servers-deployed-public-access-add-firewall-rules>
#[must_use]
pub fn allow_address(server: Option<&str>, address: Option<IpAddr>) -> Option<Command> {
    let address = match address {
        Some(IpAddr::V6(_)) => return None,
        Some(IpAddr::V4(address)) => Some(address.to_string()),
        None => None,
    };
    Some(
        Command::new(
            "az postgres flexible-server firewall-rule create -g $RG -s $SERVER -n client \
             --start-ip-address $ADDRESS --end-ip-address $ADDRESS",
        )
        .with("SERVER", server)
        .with("ADDRESS", address.as_deref()),
    )
}

/// Shows the certificate chain that a web server presents.
#[must_use]
pub fn web_certificates(host: &str) -> Command {
    Command::new("openssl s_client -connect")
        .value(format!("{host}:443"))
        .words("-servername")
        .value(host)
        .words("-showcerts")
        .no_input()
}

/// Shows the certificate chain that a PostgreSQL server presents.
#[must_use]
pub fn server_certificates(host: &str, port: u16) -> Command {
    Command::new("openssl s_client -starttls postgres -connect")
        .value(format!("{host}:{port}"))
        .words("-showcerts")
        .no_input()
}

/// Asks a nameserver for a name.
#[must_use]
pub fn look_up(vantage: &Vantage, name: &str, nameserver: Option<IpAddr>) -> Command {
    let nameserver = nameserver.map(|address| address.to_string());
    if System::of(vantage) != System::Windows {
        let dig = Command::new("dig");
        let dig = match nameserver {
            Some(address) => dig.value(format!("@{address}")),
            None => dig,
        };
        return dig.value(name);
    }
    if vantage.shell == Shell::PowerShell {
        let resolve = Command::new("Resolve-DnsName -Name").value(name);
        return match nameserver {
            Some(address) => resolve.words("-Server").value(address),
            None => resolve,
        };
    }
    let lookup = Command::new("nslookup").value(name);
    nameserver.into_iter().fold(lookup, Command::value)
}

/// Resolves a name as programs do.
#[must_use]
pub fn system_look_up(vantage: &Vantage, name: &str) -> Command {
    match System::of(vantage) {
        System::Linux => Command::new("getent ahosts").value(name),
        System::MacOs => Command::new("dscacheutil -q host -a name").value(name),
        System::Windows => look_up(vantage, name, None),
    }
}

/// Removes the proxy that a variable or the system's settings name.
#[must_use]
pub fn remove_proxy(vantage: &Vantage, origin: &Origin) -> Command {
    match (origin, System::of(vantage)) {
        (Origin::System { .. }, System::MacOs) => {
            Command::new("networksetup -setsecurewebproxystate Wi-Fi off")
        }
        (Origin::System { .. }, _) => Command::new(
            r"reg add 'HKCU\Software\Microsoft\Windows\CurrentVersion\Internet Settings' /v ProxyEnable /t REG_DWORD /d 0 /f",
        ),
        _ => Command::unset(origin.phrase()),
    }
}

/// Synchronizes the clock.
#[must_use]
pub fn synchronize_clock(vantage: &Vantage) -> Command {
    match System::of(vantage) {
        System::Linux => {
            Command::new("sudo timedatectl set-ntp true").then(Command::new("timedatectl status"))
        }
        System::MacOs => Command::new("sudo sntp -sS time.apple.com"),
        System::Windows => Command::new("w32tm /resync"),
    }
}

/// Lists the rules by which this computer denies its own connections.
#[must_use]
pub fn local_rules(vantage: &Vantage) -> Command {
    match System::of(vantage) {
        System::Linux => {
            Command::new("sudo nft list ruleset").then(Command::new("ip route show type prohibit"))
        }
        System::MacOs => Command::new("sudo pfctl -s rules"),
        System::Windows => Command::new("netsh advfirewall firewall show rule name=all dir=out"),
    }
}

/// Starts the agent of Azure Arc.
#[must_use]
pub fn start_arc_agent(vantage: &Vantage) -> Command {
    match System::of(vantage) {
        System::Windows => Command::new("net start himds"),
        _ => Command::new("sudo systemctl start himdsd"),
    }
    .then(Command::new("azcmagent show"))
}

/// Lets a user read the proofs of the Azure Arc agent.
/// Source: <https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication>
#[must_use]
pub fn join_arc_group(vantage: &Vantage) -> Command {
    match System::of(vantage) {
        System::Windows => {
            Command::new("net localgroup 'Hybrid agent extension applications' $USER_NAME /add")
        }
        _ => Command::new("sudo usermod -aG himds $USER_NAME"),
    }
}

/// Creates a role for the principal of this very name.
#[must_use]
pub fn create_principal(role: &str) -> Command {
    Command::sql(format!(
        "select * from pgaadauth_create_principal({}, false, false);",
        literal(role)
    ))
}

/// Creates a role that is bound by an object ID. Without a GUID the reader fills one in.
#[must_use]
pub fn create_principal_with_oid(role: &str, oid: Option<&str>, kind: &str) -> Command {
    Command::sql(format!(
        "select * from pgaadauth_create_principal_with_oid({}, {}, {}, false, false);",
        literal(role),
        literal(object_id(oid)),
        literal(principal_kind(kind))
    ))
}

/// Binds an existing role to an object ID by its security label, the documented way.
/// Source: <https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users>
#[must_use]
pub fn label_role(role: &str, oid: Option<&str>, kind: &str) -> Command {
    Command::sql(format!(
        "security label for \"pgaadauth\" on role {} is 'aadauth,oid={},type={}';",
        identifier(role),
        object_id(oid),
        principal_kind(kind)
    ))
}

fn object_id(oid: Option<&str>) -> &str {
    oid.and_then(guid).unwrap_or("<object ID>")
}

/// The kinds that the extension knows; a label from outside may say anything.
fn principal_kind(kind: &str) -> &'static str {
    match kind {
        "group" => "group",
        "service" => "service",
        _ => "user",
    }
}

#[cfg(test)]
mod tests {
    use super::{allow_address, create_principal_with_oid, label_role, look_up};
    use crate::facts::vantage::{Shell, Vantage};

    #[test]
    fn only_ipv4_addresses_get_a_firewall_rule() {
        assert!(allow_address(Some("pg"), "2001:db8::9".parse().ok()).is_none());
        let rule = allow_address(Some("pg"), "203.0.113.9".parse().ok()).expect("a rule");
        let text = rule.render(Shell::Posix).expect("text").text;
        assert!(
            text.ends_with("--start-ip-address 203.0.113.9 --end-ip-address 203.0.113.9"),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_guid_never_reaches_sql() {
        let attack = "x,type=user'; alter role postgres superuser; --";
        for command in [
            create_principal_with_oid("alice", Some(attack), attack),
            label_role("alice", Some(attack), attack),
        ] {
            let text = command.render(Shell::Posix).expect("SQL").text;
            assert!(!text.contains("superuser") && text.contains("<object ID>"), "{text}");
        }
    }

    #[test]
    fn each_system_has_its_own_lookup() {
        let on = |os: &str, shell| {
            let vantage = Vantage { os: os.to_owned(), shell, ..Vantage::default() };
            let command = look_up(&vantage, "example.com", "10.0.0.4".parse().ok());
            command.render(shell).expect("text").text
        };
        assert_eq!(on("Linux 6.1", Shell::Posix), "dig '@10.0.0.4' example.com".replace('\'', ""));
        assert_eq!(
            on("Windows 11", Shell::PowerShell),
            "Resolve-DnsName -Name example.com -Server 10.0.0.4"
        );
        assert_eq!(on("windows", Shell::Cmd), "nslookup example.com 10.0.0.4");
    }
}

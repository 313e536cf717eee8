//! Fixes in Bicep and Terraform with the names of the run.

use crate::{
    command::Command,
    facts::azure::{FlexibleServer, id_part},
};

/// A placeholder of the snippets, and the option of the Azure CLI that has its value.
const VALUES: &[(&str, &str)] = &[
    ("<nsg>", "--nsg-name"),
    ("<priority>", "--priority"),
    ("<route-table>", "--route-table-name"),
    ("<zone>", "-z"),
    ("<vnet-id>", "-v"),
    ("<endpoint>", "--endpoint-name"),
    ("<zone-id>", "--private-dns-zone"),
    ("<client-prefix>", "--source-address-prefixes"),
    ("<port>", "--destination-port-ranges"),
    ("<nameserver>", "--destination-address-prefixes"),
    ("<prefix>", "--address-prefix"),
    ("<address>", "--start-ip-address"),
    ("<object-id>", "-i"),
    ("<rule>", "-n"),
    ("<principal-type>", "-t"),
];

/// In Bicep and in Terraform, for what only a command does.
pub(super) const NOT_A_PROPERTY: (&str, &str) = (
    "// This is not a property of a template. Run the Azure CLI.",
    "# This is not an argument of a resource. Run the Azure CLI.",
);

/// What a snippet holds if the value is not known: numbers have no quotation marks around them.
const DEFAULTS: &[(&str, &str)] = &[("<priority>", "200"), ("<port>", "5432")];

/// The snippet with the values of the command and of the server.
pub(super) fn filled(text: &str, action: &Command, server: Option<&FlexibleServer>) -> String {
    let mut text = text.to_owned();
    for (placeholder, option) in VALUES {
        if let Some(value) = action.argument(option).filter(|value| is_plain(value)) {
            text = text.replace(placeholder, &value);
        }
    }
    let of_network = action.argument("-g").filter(|value| is_plain(value));
    if let Some(group) = of_network.filter(|_| action.starts_with(&["az", "network"])) {
        text = text.replace("<network-resource-group>", &group);
    }
    if let Some(server) = server {
        let group = id_part(&server.id, "resourceGroups");
        for (placeholder, value) in
            [("<server>", Some(server.name.as_str())), ("<resource-group>", group)]
        {
            if let Some(value) = value.filter(|value| is_plain(value)) {
                text = text.replace(placeholder, value);
            }
        }
    }
    for (placeholder, value) in DEFAULTS {
        text = text.replace(placeholder, value);
    }
    text
}

/// Whether a value needs no escape in Bicep and Terraform.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 200
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

#[cfg(test)]
mod tests {
    use super::filled;
    use crate::command::Command;

    #[test]
    fn a_value_cannot_leave_its_string() {
        let action = Command::new("az network nsg rule create -g rg --nsg-name").value("a'${x}");
        assert_eq!(filled("'<nsg>' <network-resource-group>", &action, None), "'<nsg>' rg");
        let action = Command::new("az network nsg rule create --priority 149 --nsg-name n-1");
        assert_eq!(filled("'<nsg>' <priority>", &action, None), "'n-1' 149");
        let action = Command::new("az network nsg rule create --priority $PRIORITY");
        assert_eq!(filled("<priority>", &action, None), "200");
    }
}

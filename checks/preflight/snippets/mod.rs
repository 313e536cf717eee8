//! The fix of the Azure CLI in Bicep and Terraform. Both are made from the command, so that the three
//! never differ; what the command leaves as it is comes from the documents.

mod resource;
mod translate;

use crate::{command::Command, evidence::Evidence};
use resource::Resource;
use translate::Translated;

/// A fix in both languages.
pub(super) struct Snippets {
    pub bicep: String,
    pub terraform: String,
}

/// The command in both languages.
pub(super) fn of(action: &Command, seen: &Evidence) -> Snippets {
    let mut bicep = Vec::new();
    let mut terraform = Vec::new();
    let mut earlier: Vec<Resource> = Vec::new();
    for line in action.arguments() {
        match translate::line(&line, seen) {
            Translated::Resource(mut resource) => {
                let same = earlier.iter().filter(|one| one.starts_like(&resource)).count();
                resource.follow(earlier.last(), same);
                earlier.push(*resource);
            }
            Translated::Comment(text) => {
                bicep.push(comment("//", &text));
                terraform.push(comment("#", &text));
            }
            Translated::Nothing => {}
        }
    }
    bicep.splice(0..0, resource::bicep(&earlier));
    terraform.splice(0..0, resource::terraform(&earlier));
    Snippets { bicep: bicep.join("\n"), terraform: terraform.join("\n") }
}

/// What to do by hand, in place of a command, in the three languages.
pub(super) fn by_hand(texts: &[&str]) -> Vec<(&'static str, String)> {
    let lines = |mark: &str| {
        let lines: Vec<String> = texts.iter().map(|text| comment(mark, text)).collect();
        lines.join("\n")
    };
    vec![("az", lines("#")), ("bicep", lines("//")), ("terraform", lines("#"))]
}

fn comment(mark: &str, text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{mark} {line}")
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::{command::Command, support::testing::healthy_but};
    use serde_json::json;

    const CREATE: &str = "az network nsg rule create -g rg --nsg-name nsg -n Allow --direction \
        Outbound --access Allow --protocol Tcp --destination-address-prefixes Internet \
        --destination-port-ranges 443 --priority $PRIORITY";

    #[test]
    fn a_value_cannot_leave_its_string() {
        let action = Command::new("az network nsg rule create -g rg --priority 149 --nsg-name")
            .value("a'${x}\n\"%{b}\\");
        let made = of(&action, &healthy_but(&[]));
        assert!(made.bicep.contains(r#"name: 'a\'\${x} "%{b}\\'"#), "{}", made.bicep);
        assert!(made.terraform.contains(r#"= "a'$${x} \"%%{b}\\""#), "{}", made.terraform);
    }

    #[test]
    fn an_unknown_number_is_a_parameter() {
        let made = of(&Command::new(CREATE), &healthy_but(&[]));
        assert!(made.bicep.starts_with("param priority int\n"), "{}", made.bicep);
        assert!(made.bicep.contains("    priority: priority\n"), "{}", made.bicep);
        assert!(made.terraform.contains("variable \"priority\""), "{}", made.terraform);
        let known = Command::new(CREATE).with("PRIORITY", Some("149"));
        let made = of(&known, &healthy_but(&[]));
        assert!(made.bicep.contains("    priority: 149\n"), "{}", made.bicep);
        assert!(!made.bicep.contains("param "), "{}", made.bicep);
    }

    #[test]
    fn a_changed_rule_keeps_what_the_command_does_not_change() {
        let port = json!([{"first": 5432, "last": 5433}]);
        let every = json!([{"first": 0, "last": 65535}]);
        let rule = json!({"name": "DenyWeb", "priority": 150, "direction": "inbound",
            "access": "deny", "protocol": "udp", "source_ports": every, "destination_ports": port,
            "sources": [{"group": "/x/asg-web"}], "destinations": ["any"], "default": false});
        let id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg";
        let group = json!({"id": id, "name": "nsg", "rules": [rule], "subnets": []});
        let seen =
            healthy_but(&[("/azure", json!({"seen": {"security_groups": {"seen": [group]}}}))]);
        let action = Command::new(
            "az network nsg rule update -g rg --nsg-name nsg -n DenyWeb --source-address-prefixes \
             10.0.0.0/8 10.9.0.0/16 --source-asgs ''",
        );
        let made = of(&action, &seen);
        for wanted in
            ["access: 'Deny'", "priority: 150", "protocol: 'Udp'", "'5432-5433'", "'10.9.0.0/16'"]
        {
            assert!(made.bicep.contains(wanted), "{wanted}: {}", made.bicep);
        }
        assert!(!made.bicep.contains("asg-web"), "{}", made.bicep);
        assert!(made.terraform.contains("/securityRules/DenyWeb\""), "{}", made.terraform);
        let unknown = of(&action, &healthy_but(&[]));
        assert!(unknown.bicep.starts_with("//"), "{}", unknown.bicep);
    }
}

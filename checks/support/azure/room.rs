//! Room for a rule in front of another one.

use super::{tags::like, words::on_group};
use crate::{
    command::Command,
    facts::azure_network::{Direction, SecurityGroup, SecurityRule},
    verdict::{Actor, Fix},
};

/// The numbers of rules that are not default rules. Source: Microsoft Learn, "Network security groups".
const FIRST: u16 = 100;
const LAST: u16 = 4096;
/// Rules that a fix moves; more are left to the reader.
const MAX_MOVES: usize = 8;

/// Where a rule goes.
#[derive(Debug, PartialEq)]
pub struct Room<'a> {
    /// Its number; `None` if there is none without moving many rules.
    pub priority: Option<u16>,
    /// The rules that get out of its way, in the order in which they move: each to a free number, so
    /// that their order stays.
    pub moves: Vec<(&'a SecurityRule, u16)>,
}

/// The nearest number in front of `first` that no rule has.
#[must_use]
pub fn free(group: &SecurityGroup, direction: Direction, first: u16) -> Option<u16> {
    let taken = |number: u16| {
        group.rules.iter().any(|rule| rule.direction == direction && rule.priority == number)
    };
    (FIRST..first.min(LAST + 1)).rev().find(|number| !taken(*number))
}

/// Room in front of the rule with the number `first`.
#[must_use]
pub fn before(group: &SecurityGroup, direction: Direction, first: u16) -> Room<'_> {
    let at = |number: u16| {
        group.rules.iter().find(|rule| rule.direction == direction && rule.priority == number)
    };
    if let Some(free) = free(group, direction, first) {
        return Room { priority: Some(free), moves: Vec::new() };
    }
    let full: Vec<&SecurityRule> = (first.max(FIRST)..=LAST).map_while(at).collect();
    let end = first.saturating_add(u16::try_from(full.len()).unwrap_or(u16::MAX));
    if first < FIRST || full.is_empty() || full.len() > MAX_MOVES || end > LAST {
        return Room { priority: None, moves: Vec::new() };
    }
    let moves = full.into_iter().rev().map(|rule| (rule, rule.priority + 1));
    Room { priority: Some(first), moves: moves.collect() }
}

/// The fix that makes a rule in front of another one, and room for it: its name and its command, which
/// leaves `$RULE`, `$PRIORITY`, `$NETWORK_RG` and `$NSG` open.
#[must_use]
pub fn fix(
    group: &SecurityGroup,
    direction: Direction,
    first: Option<u16>,
    (name, create): (&str, Command),
    text: &str,
) -> Fix {
    let first = first.unwrap_or(u16::MAX);
    let room = before(group, direction, first);
    let number = room.priority.map(|number| number.to_string());
    // To create a rule of a name that is taken would replace the rule.
    let taken = |name: &String| group.rules.iter().any(|rule| like(&rule.name, name));
    let mut free = std::iter::once(name.to_owned())
        .chain((2..=99).map(|number| format!("{name}{number}")))
        .filter(|name| !taken(name));
    let name = free.next().unwrap_or_else(|| name.to_owned());
    let create = create.with("RULE", Some(&name));
    let create = on_group(create, &group.id, &group.name).with("PRIORITY", number.as_deref());
    let names: Vec<&str> = room.moves.iter().rev().map(|(rule, _)| rule.name.as_str()).collect();
    let text = match (&room.priority, names.as_slice()) {
        (Some(_), []) => text.to_owned(),
        (Some(_), names) => {
            format!("{text}: first move {} one number back", crate::text::list(names, 3))
        }
        (None, _) => format!(
            "{text}: first give the denying rule a number above {first}, so that there is room in front of it"
        ),
    };
    let moves = room.moves.iter().map(|(rule, to)| {
        let command = Command::new(
            "az network nsg rule update -g $NETWORK_RG --nsg-name $NSG --priority $PRIORITY -n",
        );
        let command = command.value(&*rule.name).with("PRIORITY", Some(&to.to_string()));
        on_group(command, &group.id, &group.name)
    });
    let all = moves.chain([create]).reduce(Command::then);
    Fix::by(Actor::Network, text).run_if(all)
}

#[cfg(test)]
mod tests {
    use super::{Room, before};
    use crate::facts::azure_network::{Direction, SecurityGroup, SecurityRule};
    use serde_json::json;

    fn group(numbers: &[u16]) -> SecurityGroup {
        let rule = |number: &u16| {
            let rule = json!({"name": format!("r{number}"), "priority": number,
                "direction": "outbound", "access": "deny", "protocol": "any", "source_ports": [],
                "destination_ports": [], "sources": [], "destinations": []});
            serde_json::from_value::<SecurityRule>(rule).expect("a rule")
        };
        SecurityGroup { rules: numbers.iter().map(rule).collect(), ..SecurityGroup::default() }
    }

    fn numbers(room: &Room<'_>) -> (Option<u16>, Vec<(u16, u16)>) {
        (room.priority, room.moves.iter().map(|(rule, to)| (rule.priority, *to)).collect())
    }

    #[test]
    fn a_rule_goes_in_front_and_the_order_of_the_others_stays() {
        let out = Direction::Outbound;
        for (rules, first, wanted) in [
            (&[150][..], 150, (Some(149), vec![])),
            (&[149, 150], 150, (Some(148), vec![])),
            (&[100], 100, (Some(100), vec![(100, 101)])),
            (&[100, 101, 103], 100, (Some(100), vec![(101, 102), (100, 101)])),
            (&[100, 101, 102], 101, (Some(101), vec![(102, 103), (101, 102)])),
            (&[], 65500, (Some(4096), vec![])),
        ] {
            assert_eq!(numbers(&before(&group(rules), out, first)), wanted, "{rules:?}");
        }
        let full: Vec<u16> = (100..200).collect();
        assert_eq!(numbers(&before(&group(&full), out, 100)), (None, vec![]));
        let other = before(&group(&[100]), Direction::Inbound, 101).priority;
        assert_eq!(other, Some(100));
    }
}

//! The pseudonym of a user name: no long word of the name is left.
#![no_main]

use entra_pg::fuzzing;

/// Words of this length cannot be equal to their pseudonyms by chance.
const LONG: usize = 10;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let name = String::from_utf8_lossy(bytes).replace('\0', "");
    let Some(pseudonym) = fuzzing::pseudonym(&name) else { return };
    let is_name = |word: &&str| {
        word.chars().count() >= LONG && word.chars().all(|c| c.is_ascii_alphabetic()) && !is_public(word)
    };
    for word in name.split(|c: char| !c.is_alphanumeric()).filter(is_name) {
        assert!(!pseudonym.contains(word), "{word} is left in {pseudonym}");
    }
});

/// A word of public hosts and resource IDs, which stays.
fn is_public(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    [
        "postgresql", "azurecloud", "microsoftonline", "onmicrosoft", "management", "usgovcloudapi",
        "chinacloudapi", "microsoftgraph", "privatelink", "subscriptions", "resourcegroups",
        "flexibleservers", "dbforpostgresql", "virtualnetworks", "networksecuritygroups", "routetables",
        "privatednszones", "privateendpoints", "managedidentity", "userassignedidentities", "msidentity",
        "trafficmanager", "configuration", "cybertrust",
    ]
    .contains(&word.as_str())
}

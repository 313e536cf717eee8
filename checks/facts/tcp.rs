//! One attempt to open a TCP connection.

use crate::facts::class;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// What happened to one connection attempt.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct TcpAttempt {
    /// Where to.
    pub address: SocketAddr,
    /// What happened.
    pub outcome: TcpOutcome,
    /// Milliseconds until then.
    pub elapsed_ms: u64,
}

/// The kernel's verdict on one attempt.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TcpOutcome {
    /// The connection was established.
    Connected,
    /// No answer of any kind within the timeout.
    Silent,
    /// A reset, or ICMP port unreachable.
    Refused {
        /// The machine that sent the ICMP message, when one came.
        icmp_from: Option<IpAddr>,
    },
    /// This machine's own firewall or routing table does not permit the connection: EACCES or EPERM,
    /// WSAEACCES on Windows.
    Denied {
        /// The operating system's words.
        #[serde(serialize_with = "class::clause")]
        detail: String,
    },
    /// ICMP, or this machine's own routing table, says that there is no way.
    Unreachable {
        /// The ICMP message, when one came from the network.
        icmp: Option<Icmp>,
        /// Whether this machine has a route to the address, so that the error came from beyond it: systems
        /// other than Linux do not hand out the ICMP message.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        routed: bool,
        /// The operating system's words.
        #[serde(serialize_with = "class::clause")]
        detail: String,
    },
    /// Any other failure to connect; this machine's own limits, mostly.
    Failed {
        /// The operating system's words.
        #[serde(serialize_with = "class::clause")]
        detail: String,
    },
}

/// An ICMP or ICMPv6 error that ended an attempt.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Icmp {
    /// ICMP type; 3 is "destination unreachable" in IPv4, 1 in IPv6.
    pub kind: u8,
    /// ICMP code; 13 (IPv4) and 1 (IPv6) are "administratively prohibited".
    pub code: u8,
    /// The machine that sent it.
    pub from: Option<IpAddr>,
}

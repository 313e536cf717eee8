//! A part of a fleet. The name of a target decides its shard, so a list that grows or is sorted
//! differently moves no other target to another shard.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// One of several shards, counted from 1.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct Shard {
    index: u32,
    of: u32,
}

/// More shards than this are a typing error.
const MOST: u32 = 1000;
const FORM: &str = "I/N with I from 1 to N and N at most 1000, or job/N in an Indexed Job";

impl Shard {
    /// The shard with this number, counted from 1.
    ///
    /// # Errors
    /// There is no such shard.
    pub(crate) fn new(index: u32, of: u32) -> Result<Self, String> {
        let valid = (1..=of).contains(&index) && of <= MOST;
        if valid { Ok(Self { index, of }) } else { Err(FORM.to_owned()) }
    }

    /// How many shards there are.
    #[must_use]
    pub(crate) const fn of(self) -> u32 {
        self.of
    }

    /// Whether a target belongs to this shard.
    #[must_use]
    pub fn holds(self, target: &str) -> bool {
        let hash = digest(&SHA256, target.as_bytes());
        // Eight bytes are enough for an even distribution.
        let number = hash.as_ref().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        number % u64::from(self.of) == u64::from(self.index - 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (index, of) = text.split_once('/').ok_or(FORM)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| FORM.to_owned());
        Self::new(number(index)?, number(of)?)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// `--shard`: a number, or the index that Kubernetes gives to a pod of an Indexed Job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ShardOption {
    /// `I/N`.
    Fixed(Shard),
    /// `job/N`: `JOB_COMPLETION_INDEX` counts from 0.
    Job {
        /// The number of shards.
        of: u32,
    },
}

impl ShardOption {
    /// The shard of this run.
    ///
    /// # Errors
    /// The index of the job is missing or does not fit.
    pub(crate) fn resolve(self, job_index: Option<&str>) -> Result<Shard, String> {
        let of = match self {
            Self::Fixed(shard) => return Ok(shard),
            Self::Job { of } => of,
        };
        let text =
            job_index.ok_or("JOB_COMPLETION_INDEX is not set: this is not an Indexed Job")?;
        let index = text.parse::<u32>().ok().and_then(|index| index.checked_add(1));
        let shard = index.and_then(|index| Shard::new(index, of).ok());
        shard.ok_or_else(|| format!("JOB_COMPLETION_INDEX is \"{text}\", which is not below {of}"))
    }
}

impl FromStr for ShardOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("job/") {
            Some(of) => Shard::from_str(&format!("1/{of}")).map(|shard| Self::Job { of: shard.of }),
            None => text.parse().map(Self::Fixed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Shard, ShardOption};

    #[test]
    fn every_target_is_in_exactly_one_shard_and_the_shards_are_even() {
        let names: Vec<String> = (0..10_000).map(|number| format!("pg-{number}.x")).collect();
        for of in [1, 2, 3, 4, 7] {
            let shards: Vec<Shard> =
                (1..=of).map(|index| Shard::new(index, of).expect("a shard")).collect();
            let mut sizes = vec![0_usize; shards.len()];
            for name in &names {
                let holding: Vec<usize> =
                    (0..shards.len()).filter(|&index| shards[index].holds(name)).collect();
                assert_eq!(holding.len(), 1, "{name} of {of}");
                sizes[holding[0]] += 1;
            }
            let even = names.len() / shards.len();
            assert!(sizes.iter().all(|size| size.abs_diff(even) < even / 10 + 1), "{sizes:?}");
        }
    }

    #[test]
    fn the_shard_of_a_target_never_changes() {
        // Written down: results of different versions must fit together.
        let shard = |name| (1..=4).find(|index| Shard::new(*index, 4).expect("valid").holds(name));
        let names =
            ["pg-a.postgres.database.azure.com", "pg-b.postgres.database.azure.com", "orders"];
        assert_eq!(names.map(shard), EXPECTED.map(Some));
    }

    /// The first eight bytes of SHA-256 modulo 4, plus 1.
    const EXPECTED: [u32; 3] = [3, 4, 1];

    #[test]
    fn wrong_shards_are_refused() {
        for text in ["0/4", "5/4", "1/0", "4", "a/b", "1/1001", "-1/2", "job/0", "job/x", ""] {
            assert!(text.parse::<ShardOption>().is_err(), "{text}");
        }
        let job: ShardOption = "job/4".parse().expect("an option");
        assert_eq!(job.resolve(Some("3")), Shard::new(4, 4));
        for index in [None, Some("4"), Some("x"), Some("4294967295")] {
            assert!(job.resolve(index).is_err(), "{index:?}");
        }
    }
}

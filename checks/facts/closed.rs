//! Closed sets of words. A bundle of another version may hold a word that this version does not know,
//! so each set has a variant for those.

/// Defines an enum whose variants are written as the given words in evidence.
macro_rules! closed_set {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A word that this version does not know.
            Unknown(String),
        }

        impl $name {
            /// The word in evidence and reports.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Unknown(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    unknown => Self::Unknown(unknown.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                // A word that this version does not know can be any text.
                let class = if matches!(self, Self::Unknown(_)) { "Free" } else { "Word" };
                serializer.serialize_newtype_struct(class, self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                Ok(Self::from(word.as_str()))
            }
        }
    };
}
pub(crate) use closed_set;

#[cfg(test)]
mod tests {
    use crate::facts::{dns::ResponseCode, settings::SslMode};

    #[test]
    fn unknown_words_are_kept() {
        for (text, expected) in [
            ("\"NXDOMAIN\"", ResponseCode::NxDomain),
            ("\"RCODE23\"", ResponseCode::Unknown("RCODE23".to_owned())),
        ] {
            let read: ResponseCode = serde_json::from_str(text).expect("a word");
            assert_eq!(read, expected);
            assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
        }
        assert_eq!(SslMode::from("verify-full"), SslMode::VerifyFull);
        assert_eq!(SslMode::from("Require").as_str(), "Require");
    }
}

//! Error numbers of the token authority, as data.
//!
//! Source: Microsoft Learn, "Microsoft Entra authentication and authorization error codes".

use super::refusal::{
    APP_DISABLED, APP_UNKNOWN, ASSERTION_EXPIRED, CERTIFICATE_REJECTED, CONDITIONAL_ACCESS,
    CONSENT_MISSING, ENTRA_TRANSIENT, FEDERATION_MISMATCH, MFA_REQUIRED, NOT_ASSIGNED,
    RESOURCE_UNKNOWN, SCOPE_WRONG, SECRET_EXPIRED, SECRET_WRONG, SESSION_EXPIRED,
    TENANT_RESTRICTED, TENANT_UNKNOWN, THROTTLED, USER_DISABLED, USER_UNKNOWN,
};
use crate::check::Problem;

/// One error number.
#[derive(Debug)]
pub struct Aadsts {
    /// The number behind `AADSTS`.
    pub code: u32,
    /// What it means.
    pub meaning: &'static str,
    /// The problem it is; its page has the fix and who must act.
    pub problem: &'static Problem,
}

/// What a number means; `None` for one that is not listed.
#[must_use]
pub fn lookup(code: u32) -> Option<&'static Aadsts> {
    ALL.iter().find(|known| known.code == code)
}

/// The first number of the form `AADSTS50076` in a text.
#[must_use]
pub fn code_in(text: &str) -> Option<u32> {
    let start = text.find("AADSTS")? + "AADSTS".len();
    let digits: String =
        text.get(start..)?.chars().take_while(char::is_ascii_digit).take(9).collect();
    digits.parse().ok()
}

macro_rules! codes {
    ($($problem:ident { $($code:literal $meaning:literal)* })*) => {
        /// Every number that is known.
        pub const ALL: &[Aadsts] = &[$($(
            Aadsts { code: $code, meaning: $meaning, problem: &$problem },
        )*)*];
    };
}

codes! {
    SECRET_WRONG {
        7000215 "the client secret is wrong; the secret's id instead of its value, mostly"
        70002 "the credentials of the application are wrong"
        7000218 "the request holds neither client secret nor assertion"
        700025 "the application is public, and sent a secret"
    }
    SECRET_EXPIRED { 7000222 "the client secret has expired" }
    APP_UNKNOWN {
        700016 "the application is not in this tenant"
        70001 "the application is not known, or disabled"
        700011 "the application is not in this directory"
        7000229 "the application has no service principal in this tenant"
    }
    APP_DISABLED { 7000112 "the application is disabled" 500014 "the service principal of the resource is disabled" }
    CERTIFICATE_REJECTED {
        700027 "the certificate that signed the assertion is not registered"
        700030 "the certificate's subject or chain does not fit"
        50012 "the assertion's signature could not be verified"
        50013 "the assertion is invalid"
    }
    TENANT_UNKNOWN {
        90002 "the tenant does not exist in this cloud"
        900023 "the tenant is neither an id nor a domain name"
        900021 "the tenant is the empty id"
        50059 "the request names no tenant"
        50128 "the domain name is not a tenant's"
        90038 "the tenant is in another cloud"
        900382 "the tenant is in another cloud"
        900432 "the client is not allowed across clouds"
    }
    RESOURCE_UNKNOWN {
        500011 "the resource has no service principal in this tenant: a misspelt scope, or another cloud's"
        50001 "the resource is unknown or disabled"
        650052 "the tenant has no subscription to the resource"
        650057 "the resource is not listed in the application's permissions"
    }
    SCOPE_WRONG {
        70011 "the scope is not valid"
        1002012 "client credentials need a scope that ends in /.default"
        28002 "the scope is malformed"
        28003 "the scope is empty"
        901002 "the parameter resource is not for this endpoint"
    }
    MFA_REQUIRED {
        50076 "a second factor is needed"
        50079 "the user must register for a second factor"
        50074 "a second factor is needed, and was not given"
        50078 "the second factor has expired"
        50072 "the user must enrol for a second factor"
        50158 "an external challenge was not answered"
    }
    CONDITIONAL_ACCESS {
        53003 "a Conditional Access policy blocks the token"
        53000 "the device does not comply"
        53001 "the device is not joined to the domain"
        530003 "the device must be managed"
        50005 "the device's platform is not allowed"
        50097 "the device must authenticate"
        50131 "a policy of the tenant blocks the device"
        530032 "a tenant policy blocks the token"
        530035 "security defaults block the token"
    }
    CONSENT_MISSING {
        65001 "nobody has consented to the application's access"
        90094 "an administrator must consent"
        65002 "the application is not preauthorised for the resource"
    }
    USER_UNKNOWN {
        50020 "the account is of another tenant, and not a guest of this one"
        50034 "the account is not in this tenant"
        16000 "the account is not in this tenant"
        51004 "the account is not in this tenant"
        50014 "the guest has not accepted the invitation"
        500212 "the tenant's policy does not let the account in from outside"
        500213 "the tenant's policy does not let the account in from outside"
    }
    USER_DISABLED {
        50057 "the account is disabled"
        50053 "the account is locked"
        50055 "the password has expired"
        50144 "the password has expired"
        50126 "user name or password is wrong"
        50056 "the password is missing or wrong"
    }
    NOT_ASSIGNED { 50105 "the user is not assigned to the application" }
    TENANT_RESTRICTED {
        500021 "the proxy's tenant restriction blocks this tenant"
        500022 "the proxy's tenant restriction blocks this tenant"
        50002 "the proxy's tenant restriction blocks this tenant"
    }
    SESSION_EXPIRED {
        700082 "the refresh token has expired through inactivity"
        70008 "the refresh token has expired or was revoked"
        70043 "the refresh token has expired through a sign-in frequency policy"
        50173 "the session was revoked, by a new password mostly"
        50132 "the session is invalid"
        50133 "the session is invalid"
        50089 "the session has expired"
        70000 "the grant is invalid or revoked"
        700084 "the refresh token of a single-page application has expired"
        50058 "there is no session to sign in silently"
    }
    FEDERATION_MISMATCH {
        70021 "no federated credential matches the assertion"
        700211 "no federated credential matches the assertion's issuer"
        700212 "no federated credential matches the assertion's audience"
        700213 "no federated credential matches the assertion's subject"
        90061 "Entra cannot reach the issuer's keys"
    }
    ASSERTION_EXPIRED {
        700024 "the assertion is not in its period of validity"
        500133 "the assertion is not in its period of validity"
    }
    THROTTLED { 50196 "the client repeats the same request in a loop" 90055 "too many requests" }
    ENTRA_TRANSIENT {
        90033 "Entra is busy for a moment"
        90006 "Entra is busy for a moment"
        90012 "the request took too long"
        90024 "Entra is busy for a moment"
        50033 "Entra is busy for a moment"
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, code_in, lookup};

    #[test]
    fn every_number_is_listed_once() {
        for known in ALL {
            assert_eq!(
                ALL.iter().filter(|other| other.code == known.code).count(),
                1,
                "{}",
                known.code
            );
        }
        assert_eq!(lookup(53003).expect("listed").problem.id, "token/conditional-access");
    }

    #[test]
    fn finds_the_number_in_a_text() {
        assert_eq!(code_in("ERROR: AADSTS700082: The refresh token has expired"), Some(700_082));
        assert_eq!(code_in("AADSTS: nothing"), None);
    }
}

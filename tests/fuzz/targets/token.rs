//! A text that should be a token: nothing of its signature, and nothing of a text that is not a token,
//! becomes a fact.
#![no_main]

use entra_pg::fuzzing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let token = fuzzing::token(&text);
    assert_eq!(token.text.length, text.len());
    assert!(token.text.wrapping.len() <= 9);
    let facts = format!("{token:?}");
    let lists = token
        .claims
        .as_ref()
        .map_or(0, |claims| claims.groups.len().max(claims.roles.len()).max(claims.amr.len()));
    assert!(lists <= 256);
    // The third part, whatever was around it.
    let signature = text.rsplit('.').next().unwrap_or_default().trim();
    let decoded = token.claims.is_some() && text.matches('.').count() == 2;
    if decoded && signature.len() >= 24 && signature.bytes().all(|b| b.is_ascii_alphanumeric()) {
        assert!(!facts.contains(signature), "the signature is a fact");
    }
    if token.claims.is_none() && token.header.is_none() && text.len() >= 24 {
        assert!(!facts.contains(text.as_ref()), "the text is a fact");
    }
});

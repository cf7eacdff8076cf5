//! Reads hostile filters, paths and bodies, for the fuzz target and the properties: they are read or refused, and nothing panics.

use super::{Filter, Group, MOST_EMAILS, MOST_MEMBERS, Operation, Path, User};

/// Reads `bytes` as a filter, as a path and as a body, and has what reads as a PATCH change somebody.
///
/// # Panics
/// Where what comes out is nobody who could be kept.
pub fn fuzz_entry(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut user = User { user_name: "ana".to_owned(), active: true, ..User::default() };
    user.emails.push(super::Email { value: "ana@acme.example".to_owned(), kind: Some("work".to_owned()), primary: true });
    let group = Group { display_name: "dba".to_owned(), ..Group::default() };
    if let Ok(filter) = Filter::read(&text) {
        let _found = (filter.finds_user("p-0000000000000", &user), filter.finds_group("m-0000000000000", &group));
    }
    let _path = Path::read(&text).is_ok();
    let Ok(body) = serde_json::from_slice(bytes) else { return };
    let mut users = vec![User::read(&body, None), User::read(&body, Some(&user))];
    let mut groups = vec![Group::read(&body)];
    if let Ok(operations) = Operation::read(&body) {
        users.push(user.patched(&operations));
        groups.push(group.patched(&operations));
    }
    for user in users.into_iter().flatten() {
        assert!(!user.user_name.is_empty() && user.emails.len() <= MOST_EMAILS);
        assert!(user.emails.iter().filter(|email| email.primary).count() <= 1);
        assert!(user.names().iter().all(|name| !name.is_empty() && !name.contains(char::is_control)));
    }
    for group in groups.into_iter().flatten() {
        assert!(!group.display_name.is_empty() && group.members.len() <= MOST_MEMBERS);
    }
}

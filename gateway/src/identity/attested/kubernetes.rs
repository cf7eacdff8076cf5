//! Kubernetes: a projected service-account token, bound to its pod.

use super::failure::Failure;
use super::token::plain;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The claims of `kubernetes.io` (Kubernetes docs, "Managing Service Accounts: bound tokens") as flat names.
pub(super) fn claims(signed: &Map<String, Value>) -> BTreeMap<String, String> {
    let places = [
        ("namespace", "/namespace"),
        ("service_account", "/serviceaccount/name"),
        ("service_account_uid", "/serviceaccount/uid"),
        ("pod", "/pod/name"),
        ("pod_uid", "/pod/uid"),
        ("node", "/node/name"),
        ("node_uid", "/node/uid"),
    ];
    let Some(own) = signed.get("kubernetes.io") else { return BTreeMap::new() };
    places.iter().filter_map(|(name, place)| Some(((*name).to_owned(), plain(own.pointer(place)?)?))).collect()
}

/// `ns/NAMESPACE/sa/ACCOUNT`, where the subject says the same.
pub(super) fn path(subject: &str, claims: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let (namespace, account) = (claims.get("namespace")?, claims.get("service_account")?);
    if subject != format!("system:serviceaccount:{namespace}:{account}") {
        return None;
    }
    Some(["ns", namespace, "sa", account].map(str::to_owned).into())
}

/// A token that is bound to a pod counts only in that pod's cgroup; one that is bound to none is anyone's.
pub(super) fn check(claims: &BTreeMap<String, String>, pod: Option<&str>) -> Result<(), Failure> {
    let Some(bound) = claims.get("pod_uid") else {
        return Err(Failure::invalid("it is bound to no pod: mount a projected service-account token"));
    };
    match pod {
        Some(pod) if pod != bound => Err(Failure::Borrowed(format!("it is bound to the pod {bound}, and the job is in {pod}"))),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_pods() {
        let signed = serde_json::json!({"kubernetes.io": {
            "namespace": "ci", "serviceaccount": {"name": "runner", "uid": "s-1"}, "pod": {"name": "job-7", "uid": "p-1"}, "node": {"name": "n"}
        }});
        let claims = claims(signed.as_object().unwrap());
        assert_eq!(claims.len(), 6);
        assert_eq!(path("system:serviceaccount:ci:runner", &claims).unwrap(), ["ns", "ci", "sa", "runner"]);
        assert_eq!(path("system:serviceaccount:ci:admin", &claims), None);
        assert!(check(&claims, Some("p-1")).is_ok() && check(&claims, None).is_ok());
        assert!(matches!(check(&claims, Some("p-2")), Err(Failure::Borrowed(_))));
        assert!(matches!(check(&BTreeMap::new(), None), Err(Failure::Invalid(_))));
    }
}

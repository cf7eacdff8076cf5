//! GitLab: the job has a token that its `id_tokens` asks for, under a variable of the configured name.

use std::collections::BTreeMap;

/// `GROUP/…/PROJECT`: the token has no name for a pipeline's file.
pub(super) fn path(claims: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let path: Vec<_> = claims.get("project_path")?.split('/').map(str::to_owned).collect();
    (path.len() >= 2 && path.iter().all(|part| !part.is_empty())).then_some(path)
}

/// What no two jobs share.
pub(super) fn job(claims: &BTreeMap<String, String>) -> Option<String> {
    claims.get("job_id").cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_projects_path() {
        let path = |text: &str| path(&[("project_path".to_owned(), text.to_owned())].into());
        assert_eq!(path("acme/tools/shop").unwrap(), ["acme", "tools", "shop"]);
        for bad in ["acme", "acme//shop", "/acme", "acme/"] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }
}

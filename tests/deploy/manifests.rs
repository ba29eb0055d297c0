//! What `tools/deploy/kubernetes` has, by the schemas of Kubernetes (`tools/setup test` installs
//! kubernetes-validate, which brings them).

use std::process::Command;

use crate::file;
use crate::skip::skipped;

const DIR: &str = "tools/deploy/kubernetes";

/// Says what is wrong; none, and says so, where it is not installed.
fn validated(test: &str, files: &[String]) -> Option<Result<(), String>> {
    let output = match Command::new("kubernetes-validate").arg("--strict").args(files).output() {
        Ok(output) => output,
        Err(why) => {
            skipped(test, &format!("kubernetes-validate: {why} (try: tools/setup test)"));
            return None;
        }
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Some(if output.status.success() { Ok(()) } else { Err(said) })
}

/// What the kustomization takes in.
fn resources() -> Vec<String> {
    let text = file(&format!("{DIR}/kustomization.yaml"));
    let after = text.split_once("resources:\n").unwrap().1;
    let names = after.lines().map_while(|line| line.trim().strip_prefix("- "));
    names.map(|name| format!("{}/{DIR}/{name}", env!("CARGO_MANIFEST_DIR"))).collect()
}

#[test]
fn manifests_are_what_kubernetes_expects() {
    const NAME: &str = "manifests_are_what_kubernetes_expects";
    let resources = resources();
    assert!(resources.len() >= 3, "{resources:?}");
    let Some(valid) = validated(NAME, &resources) else { return };
    valid.unwrap();
    // It would find a fault.
    let daemonset = resources.iter().find(|path| path.ends_with("daemonset.yaml")).unwrap();
    let text = std::fs::read_to_string(daemonset).unwrap();
    let bad = std::env::temp_dir().join(format!("stallprof-bad-{}.yaml", std::process::id()));
    std::fs::write(&bad, text.replace("livenessProbe", "livenesProbe")).unwrap();
    let said = validated(NAME, &[bad.display().to_string()]).unwrap().unwrap_err();
    std::fs::remove_file(&bad).unwrap();
    assert!(said.contains("livenesProbe"), "{said}");
}

/// What pods mount and what the kustomization makes have the same names; nothing of the host can
/// be written but the store.
#[test]
fn mounts_are_read_only_but_for_the_store() {
    let text = file(&format!("{DIR}/daemonset.yaml"));
    let mounts: Vec<&str> = text.lines().filter(|line| line.contains("mountPath:")).collect();
    assert!(mounts.len() > 5, "{mounts:?}");
    for mount in mounts {
        assert_eq!(!mount.contains("readOnly: true"), mount.contains("name: store"), "{mount}");
    }
    let made = file(&format!("{DIR}/kustomization.yaml"));
    for (kind, name) in [("configMap: {name: ", "stallprof"), ("secretName: ", "stallprof-token")] {
        let asked = text.split_once(kind).unwrap().1.split([',', '}']).next().unwrap();
        assert_eq!(asked, name);
        assert!(made.contains(&format!("- name: {name}\n")), "{made}");
    }
}

//! Module: the Go module that a release older than the newest is built from. It is made of the
//! release's own go.mod, so that its dependencies are those that Kubernetes was released with.

use super::Release;

/// The module of the newest release.
const MAIN: &str = include_str!("../../kubernetes/main.go");
const NAME: &str = "landlord.dev/local-cluster/kubernetes";
/// Where a go.mod of Kubernetes finds modules of its own tree; a replacement that begins so is
/// nowhere else.
const STAGING: &str = "./staging/src/";

/// This file: what it writes is another module once it changes.
pub(super) const RECIPE: &str = include_str!("module.rs");

/// The go.mod, from that of `k8s.io/kubernetes`: the same requirements, Kubernetes itself, and the
/// modules of its tree as they were published with it.
pub(super) fn go_mod(release: Release, upstream: &str) -> String {
    let staging = release.staging_version();
    let line = |line: &str| match line.split_once(" => ") {
        _ if line.starts_with("module ") => format!("module {NAME}"),
        Some((module, folder)) if folder.starts_with(STAGING) => {
            format!("{module} => {} {staging}", folder.trim_start_matches(STAGING).trim())
        }
        _ => line.to_owned(),
    };
    let lines = upstream.lines().filter(|line| !line.trim_start().starts_with("//")).map(line);
    let kubernetes = format!("require k8s.io/kubernetes {}", release.module_version());
    lines.chain([kubernetes]).map(|line| line + "\n").collect()
}

/// The program without etcd, which the newest release brings along for all.
pub(super) fn main_go() -> String {
    let mut in_etcd = false;
    let keep = |line: &&str| {
        in_etcd |= line.trim_start().starts_with("\"etcd\": ");
        let ends = in_etcd && *line == "\t},";
        let keep = !in_etcd && !line.contains("go.etcd.io/");
        in_etcd &= !ends;
        keep
    };
    MAIN.lines().filter(keep).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_its_tree_are_those_published_with_it() {
        let upstream = "// This is a generated file.\n\
                        \n\
                        module k8s.io/kubernetes\n\
                        \n\
                        go 1.24.0\n\
                        \n\
                        godebug default=go1.24\n\
                        \n\
                        require (\n\
                        \tgithub.com/a/b v1.2.3 // indirect\n\
                        \tk8s.io/api v0.0.0\n\
                        )\n\
                        \n\
                        replace (\n\
                        \tgithub.com/a/b => github.com/c/b v1.2.4\n\
                        \tk8s.io/api => ./staging/src/k8s.io/api\n\
                        )\n\
                        replace k8s.io/kms => ./staging/src/k8s.io/kms\n";
        let expected = "\n\
                        module landlord.dev/local-cluster/kubernetes\n\
                        \n\
                        go 1.24.0\n\
                        \n\
                        godebug default=go1.24\n\
                        \n\
                        require (\n\
                        \tgithub.com/a/b v1.2.3 // indirect\n\
                        \tk8s.io/api v0.0.0\n\
                        )\n\
                        \n\
                        replace (\n\
                        \tgithub.com/a/b => github.com/c/b v1.2.4\n\
                        \tk8s.io/api => k8s.io/api v0.33.13\n\
                        )\n\
                        replace k8s.io/kms => k8s.io/kms v0.33.13\n\
                        require k8s.io/kubernetes v1.33.13\n";
        assert_eq!(go_mod("1.33".parse().expect("a release"), upstream), expected);
    }

    #[test]
    fn the_program_is_all_but_etcd() {
        let program = main_go();
        let cut: Vec<&str> = MAIN.lines().filter(|line| !program.contains(line)).collect();
        let etcd = [
            "\t\"go.etcd.io/etcd/server/v3/etcdmain\"",
            "\t\"etcd\": func() int {",
            "\t\tetcdmain.Main(os.Args)",
            "\t\treturn 0",
        ];
        assert_eq!(cut, etcd);
        assert_eq!(program.matches("\t\"kube").count(), 4, "{program}");
        assert_eq!(program.matches("\t},\n").count(), 4, "{program}");
    }
}

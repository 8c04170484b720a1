//! Programs of a cluster and their arguments.

use std::path::PathBuf;

use super::Builder;
use super::files::kubeconfig_of;
use crate::binaries::Binaries;
use crate::process::Program;
use crate::scratch::Scratch;
use crate::user;

/// Admission plugins that are off. There is no controller that would make service accounts' tokens,
/// and none that would take the taint `not-ready` from a fresh node.
const DISABLED_PLUGINS: &str = "ServiceAccount,TaintNodesByCondition";

pub(super) fn api_server(
    binaries: &Binaries,
    scratch: &Scratch,
    wanted: &Builder,
    etcd_port: u16,
    port: u16,
) -> Program {
    an_api_server("kube-apiserver", binaries, scratch, wanted, etcd_port, port)
}

pub(super) fn second_api_server(
    binaries: &Binaries,
    scratch: &Scratch,
    wanted: &Builder,
    etcd_port: u16,
    port: u16,
) -> Program {
    an_api_server("kube-apiserver-2", binaries, scratch, wanted, etcd_port, port)
}

fn an_api_server(
    name: &str,
    binaries: &Binaries,
    scratch: &Scratch,
    wanted: &Builder,
    etcd_port: u16,
    port: u16,
) -> Program {
    let file = |name: &str| scratch.file(name).display().to_string();
    Program::new(name, binaries.path("kube-apiserver"), scratch.log(name))
        .args([
            format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
            "--bind-address=127.0.0.1".to_owned(),
            // Never used, but it may not be loopback.
            "--advertise-address=192.0.2.1".to_owned(),
            format!("--secure-port={port}"),
            "--endpoint-reconciler-type=none".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("service-account.pub")),
            format!("--service-account-signing-key-file={}", file("service-account.key")),
            format!("--token-auth-file={}", file("tokens.csv")),
            format!("--tls-cert-file={}", file("server.crt")),
            format!("--tls-private-key-file={}", file("server.key")),
            format!("--cert-dir={}", file("certificates")),
            "--authorization-mode=RBAC".to_owned(),
            "--allow-privileged=true".to_owned(),
            format!("--enable-admission-plugins={}", wanted.plugins.join(",")),
            format!("--disable-admission-plugins={DISABLED_PLUGINS}"),
        ])
        .args(wanted.api_server_arguments.iter().cloned())
}

pub(super) fn etcd(
    binaries: &Binaries,
    scratch: &Scratch,
    client_port: u16,
    peer_port: u16,
) -> Program {
    let client = format!("http://127.0.0.1:{client_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    Program::new("etcd", binaries.path("etcd"), scratch.log("etcd")).args([
        format!("--data-dir={}", data(scratch).display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        // A cluster for tests need not survive the machine's crash.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ])
}

/// etcd's data.
pub(super) fn data(scratch: &Scratch) -> PathBuf {
    scratch.file("etcd")
}

/// Does nothing but take the cluster's folder along when it ends.
pub(super) fn folder(scratch: &Scratch) -> Program {
    Program::new("folder", "tail", scratch.log("folder"))
        .args(["-f", "/dev/null"])
        .removing(scratch.folder())
}

pub(super) fn scheduler(binaries: &Binaries, scratch: &Scratch) -> Program {
    Program::new("kube-scheduler", binaries.path("kube-scheduler"), scratch.log("kube-scheduler"))
        .args([
            format!("--kubeconfig={}", kubeconfig_of(scratch, user::SCHEDULER).display()),
            "--leader-elect=false".to_owned(),
            "--authentication-skip-lookup=true".to_owned(),
            "--secure-port=0".to_owned(),
        ])
}

pub(super) fn controller_manager(binaries: &Binaries, scratch: &Scratch) -> Program {
    Program::new(
        "kube-controller-manager",
        binaries.path("kube-controller-manager"),
        scratch.log("kube-controller-manager"),
    )
    .args([
        format!("--kubeconfig={}", kubeconfig_of(scratch, user::CONTROLLER_MANAGER).display()),
        // As kubeadm and the managed clusters do: the garbage collector and the others are not
        // `system:masters`, so that admission policies see them as they are.
        "--use-service-account-credentials=true".to_owned(),
        "--leader-elect=false".to_owned(),
        "--authentication-skip-lookup=true".to_owned(),
        "--secure-port=0".to_owned(),
        // No kubelet renews a lease here, so nodes would be declared dead.
        "--controllers=*,-node-lifecycle-controller,-node-ipam-controller".to_owned(),
    ])
}

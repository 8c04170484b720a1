//! The pages that a new user follows, on a real cluster, as they are written. There is no kubelet:
//! Pods are placed, and do not run. The controller is what the page starts in the second terminal,
//! or what it deploys.

use std::fs;

use local_cluster::waiting::PATIENCE;
use local_cluster::{Cluster, Process};
use nix::sys::signal::Signal;

use super::page::{Mark, Page, Terminal};
use super::session::Session;
use crate::cluster::eventually;
use crate::kubelet;

/// In this order, on one cluster.
const PAGES: [&str; 2] = ["docs/first-steps.md", "docs/install.md"];

#[tokio::test]
async fn the_pages_for_new_users_do_what_they_say() {
    let cluster = Cluster::builder().controller_manager().start().await.expect("a cluster");
    for path in PAGES {
        let session = Session::on(&cluster.kubeconfig(), &cluster.binaries().path("kubectl"));
        follow(&Page::read(path), &session, &cluster).await;
    }
}

/// Does what a page says, from its first block to its last.
async fn follow(page: &Page, session: &Session, cluster: &Cluster) {
    let mut second = None;
    for block in page.blocks() {
        match &block.mark {
            Mark::File(name) => fs::write(session.file(name), &block.text).expect("a file"),
            Mark::Run | Mark::Cluster(Terminal::First) => session.run(&block),
            Mark::Cluster(Terminal::Second) => second = Some(ready(session.start(&block)).await),
            Mark::Cluster(Terminal::Deployment) => {
                session.run(&block);
                second = Some(ready(kubelet::start(cluster, "landlord", "deployed").await).await);
            }
            Mark::Cluster(Terminal::SecondEnded) => {
                end(second.take().unwrap_or_else(|| {
                    panic!("{}: nothing runs in the second terminal", block.place)
                }));
                session.run(&block);
            }
            _ => {}
        }
    }
}

/// A user reads what is printed before going on.
async fn ready(mut process: Process) -> Process {
    eventually("the controller is at work", async || {
        assert!(process.runs(), "{}", process.last_words());
        fs::read_to_string(process.log()).unwrap_or_default().contains("all is known")
    })
    .await;
    process
}

fn end(mut process: Process) {
    process.signal(Signal::SIGINT).expect("it runs");
    assert!(
        process.wait(PATIENCE).expect("it is waited for").is_some(),
        "it does not end: {}",
        process.last_words()
    );
}

#[test]
fn no_other_page_needs_a_cluster() {
    let needs =
        |page: &Page| page.blocks().iter().any(|block| matches!(block.mark, Mark::Cluster(_)));
    let pages: Vec<String> = Page::all().into_iter().filter(needs).map(|page| page.path).collect();
    assert_eq!(pages, PAGES, "only these are followed on a cluster");
}

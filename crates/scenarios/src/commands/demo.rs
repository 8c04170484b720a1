//! `demo`: the main job on a real cluster, and the same without landlord.

use std::io::Write;

use anyhow::{Context, Result};
use clap::Args;
use local_cluster::Process;
use terminal::Screen;

use super::served::Served;
use super::stage::{Stage, StageOptions};
use super::start::End;

mod existing;
mod outage;
mod run;
mod table;
pub(super) mod tenants;

use self::run::{Outcome, Run};
use self::table::table;

/// Create namespaces as different users, and a Pod in each at once; show where the Pods landed,
/// with landlord and without; then backfill namespaces that existed before, edit their tenant, and
/// take landlord down
#[derive(Args, Debug)]
pub(crate) struct Demo {
    #[command(flatten)]
    stage: StageOptions,
    /// Leave the cluster running afterwards, with landlord in it, until Ctrl-C
    #[arg(long, env = "LANDLORD_DEMO_KEEP")]
    keep: bool,
}

impl Demo {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        say(
            "starting etcd, kube-apiserver and kube-scheduler, with 2 nodes for each of 5 tenants and 2 shared ones",
        );
        let mut stage = Stage::start(&self.stage).await?;
        stage.cluster.add_nodes(tenants::nodes()).await?;
        let served = Served::read(&stage.cluster.admin()?).await?;

        say(
            "without landlord: namespaces are created, labelled with their tenant, and get a Pod in the same second",
        );
        let without = Run { prefix: "plain", tenants: false }.play(&stage.cluster).await?;

        say("500 more namespaces of tenant solar are created before landlord comes");
        existing::crowd().create(&stage.cluster).await?;

        say(
            "installing landlord: its kinds, its rights, 5 tenants, and the policy behind a webhook",
        );
        stage.install(&self.stage).await?;
        stage.cluster.apply(&tenants::manifests()).await?;

        say("with landlord: the same");
        let with = Run { prefix: "app", tenants: true }.play(&stage.cluster).await?;

        say(
            "landlord backfill: namespaces that existed before; then its controller, and an edit of tenant solar",
        );
        let (act, controller) = existing::play(&stage.cluster, &served).await?;

        let outage = play_outage(&stage, &served, &controller).await?;

        println!("\n{}", table(&with, Screen::current()));
        println!("{}", closing(&with, &without));
        println!("backfill: {}", act.backfill);
        println!(
            "an edit of tenant solar reached its 500 old namespaces in {:.1} s",
            act.edit.as_secs_f64()
        );
        match &outage {
            Ok(outage) => println!("{outage}"),
            Err(why) => println!("no outage is played, as the guard beside the webhook {why}"),
        }
        anyhow::ensure!(
            outside(&with) == 0 && outage.as_ref().map_or(true, outage::Act::kept_the_promise),
            "the promise is broken: a Pod is outside of its tenant's pool"
        );
        if self.keep {
            let end = End::listen()?;
            println!(
                "\nThe cluster goes on: export KUBECONFIG={}\nCtrl-C ends it",
                stage.cluster.kubeconfig().display()
            );
            end.asked_for().await;
        }
        Ok(())
    }
}

/// `Err` says why there is none: the guard is what makes Pods wait in an outage.
async fn play_outage(
    stage: &Stage,
    served: &Served,
    controller: &Process,
) -> Result<Result<outage::Act, String>> {
    if !served.can_hold() {
        return Ok(Err(served.lacks()));
    }
    say(
        "an outage: the policy server is killed, the controller frozen; namespaces are created, with a Pod each",
    );
    let kubewarden = stage.kubewarden.as_ref().context("the policy is installed")?;
    Ok(Ok(outage::play(&stage.cluster, kubewarden, controller).await?))
}

/// Progress goes to standard error.
pub(super) fn say(words: &str) {
    // Nobody reads it if that fails.
    let _ = writeln!(std::io::stderr(), "· {words}");
}

fn closing(with: &[Outcome], without: &[Outcome]) -> String {
    let placed = |outcomes: &[Outcome]| outcomes.iter().filter(|one| one.pod_was_made()).count();
    format!(
        "with landlord: {} of {} Pods outside their pool; without: {} of {}",
        outside(with),
        placed(with),
        outside(without),
        placed(without)
    )
}

fn outside(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|one| one.is_outside()).count()
}

//! `compatibility`: what works on each version of Kubernetes, measured and written down.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use local_cluster::{Binaries, Release};

use super::demo::say;
use super::served::Served;
use super::stage::{Stage, StageOptions};
use super::storm::{Mode, Played, Storm};

mod attacks;
mod page;
mod record;

use self::record::{Record, cell};

/// Play the storm in every mode on several versions of Kubernetes, and write a page about it
///
/// A version that was not built before takes 10 minutes more. What was measured is kept in a folder
/// of records, one a version, and the page shows all of them: versions can be measured one by one.
#[derive(Args, Debug)]
pub(crate) struct Compatibility {
    #[command(flatten)]
    stage: StageOptions,
    /// The versions; all of them without any
    #[arg(value_name = "VERSION")]
    versions: Vec<Release>,
    /// Namespaces of each mode
    #[arg(short = 'n', long, env = "LOCAL_CLUSTER_STORM_NAMESPACES", default_value_t = 50)]
    namespaces: usize,
    /// Runs tests of the guard whose names are appended, by sh; without it they are not run
    #[arg(long, env = "LOCAL_CLUSTER_ATTACKS", value_name = "COMMAND")]
    attacks: Option<String>,
    /// Where the records are
    #[arg(long, value_name = "FOLDER", default_value = "target/compatibility")]
    records: PathBuf,
    /// The page
    #[arg(long, value_name = "FILE", default_value = "docs/compatibility.md")]
    page: PathBuf,
    /// The commit that is measured
    #[arg(long, env = "LOCAL_CLUSTER_COMMIT", value_name = "TEXT")]
    commit: String,
    /// The day
    #[arg(long, env = "LOCAL_CLUSTER_DATE", value_name = "TEXT")]
    date: String,
}

impl Compatibility {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        let releases = match self.versions.as_slice() {
            [] => Release::ALL.to_vec(),
            some => some.to_vec(),
        };
        let mut faults = Vec::new();
        for release in releases {
            let record = self.measure(release).await;
            faults.extend(record.notes.iter().map(|note| format!("{}: {note}", release.short())));
            // At once: a measurement that is broken off loses the version it is at.
            fs::create_dir_all(&self.records)?;
            fs::write(self.file(release), serde_json::to_string_pretty(&record)?)?;
            fs::write(&self.page, page::render(&self.read()?))
                .with_context(|| format!("{} cannot be written", self.page.display()))?;
        }
        println!("{} is written", self.page.display());
        ensure!(faults.is_empty(), "not all is as it has to be:\n{}", faults.join("\n"));
        Ok(())
    }

    fn file(&self, release: Release) -> PathBuf {
        self.records.join(format!("{}.json", release.short()))
    }

    /// All records that there are.
    fn read(&self) -> Result<BTreeMap<Release, Record>> {
        let mut records = BTreeMap::new();
        for release in Release::ALL {
            let file = self.file(release);
            if file.exists() {
                let record = serde_json::from_slice(&fs::read(&file)?);
                records.insert(release, record.with_context(|| file.display().to_string())?);
            }
        }
        Ok(records)
    }

    async fn measure(&self, release: Release) -> Record {
        let mut record = Record {
            date: self.date.clone(),
            commit: self.commit.clone(),
            namespaces: self.namespaces,
            ..Record::default()
        };
        say(&format!("Kubernetes {release}"));
        match self.serve(release).await {
            Ok((binaries, served)) => {
                self.storm(release, &mut record).await;
                self.attack(&binaries, &served, &mut record);
                record.served = Some(served);
            }
            Err(error) => record.notes.push(format!("cannot be run: {error:#}")),
        }
        record
    }

    /// Builds it if it has to be, and reads what it serves.
    async fn serve(&self, release: Release) -> Result<(Binaries, Served)> {
        let stage = Stage::start(&self.stage.on(release)).await?;
        let served = Served::read(&stage.cluster.admin()?).await?;
        let version = release.module_version();
        ensure!(served.version == version, "the API server says that it is {}", served.version);
        Ok((stage.cluster.binaries().clone(), served))
    }

    async fn storm(&self, release: Release, record: &mut Record) {
        let storm = Storm::on(&self.stage, release, self.namespaces);
        for mode in Mode::ALL {
            let played = storm.play(mode).await;
            let text = cell(&played, self.namespaces);
            say(&format!("{}: {text}", mode.word()));
            match played {
                Err(error) => record.notes.push(format!("{}: {error:#}", mode.word())),
                Ok(Played::Outcome(one)) if !one.is_kept() => {
                    record.notes.push(format!("{}: {text}", mode.word()));
                }
                Ok(_) => {}
            }
            record.modes.insert(mode.word().to_owned(), text);
        }
    }

    fn attack(&self, binaries: &Binaries, served: &Served, record: &mut Record) {
        let Some(command) = &self.attacks else { return };
        let assets: &Path = &binaries.path("");
        match attacks::run(command, served.can_hold(), assets) {
            Ok(outcome) => {
                record.notes.extend(outcome.failed.iter().map(|test| format!("failed: {test}")));
                record.attacks = Some(outcome.cell());
            }
            Err(error) => {
                record.attacks = Some("**error**".to_owned());
                record.notes.push(format!("attack list: {error:#}"));
            }
        }
        say(&format!("attack list: {}", record.attacks.as_deref().unwrap_or_default()));
    }
}

//! `compatibility`: what works on each version of Kubernetes, measured and written down.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use local_cluster::Binaries;

use super::demo::say;
use super::served::Served;
use super::stage::{Stage, StageOptions};
use super::storm::{Mode, Played, Storm};

mod page;
mod record;
mod subject;
mod suite;

use self::record::{Record, cell};
use self::subject::Subject;
use self::suite::Suite;

/// Play the storm in every mode on several versions of Kubernetes, and write a page about it
///
/// A version that was not built before takes 10 minutes more. What was measured is kept in a folder
/// of records, one a version, and the page shows all of them: versions can be measured one by one.
#[derive(Args, Debug)]
pub(crate) struct Compatibility {
    #[command(flatten)]
    stage: StageOptions,
    /// The versions, `1.33`, or `1.34+v1beta1` with beta APIs switched on; all of them without any
    #[arg(value_name = "VERSION")]
    versions: Vec<Subject>,
    /// Namespaces of each mode
    #[arg(short = 'n', long, env = "LOCAL_CLUSTER_STORM_NAMESPACES", default_value_t = 50)]
    namespaces: usize,
    /// Runs tests whose names are appended, by sh; without it none are run
    #[arg(long, env = "LOCAL_CLUSTER_TESTS", value_name = "COMMAND")]
    tests: Option<String>,
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
        let subjects = match self.versions.as_slice() {
            [] => Subject::all(),
            some => some.to_vec(),
        };
        let mut faults = Vec::new();
        for subject in subjects {
            let record = self.measure(subject).await;
            faults.extend(record.notes.iter().map(|note| format!("{}: {note}", subject.short())));
            // At once: a measurement that is broken off loses the version it is at.
            fs::create_dir_all(&self.records)?;
            fs::write(self.file(subject), serde_json::to_string_pretty(&record)?)?;
            fs::write(&self.page, page::render(&self.read()?))
                .with_context(|| format!("{} cannot be written", self.page.display()))?;
        }
        println!("{} is written", self.page.display());
        ensure!(faults.is_empty(), "not all is as it has to be:\n{}", faults.join("\n"));
        Ok(())
    }

    fn file(&self, subject: Subject) -> PathBuf {
        self.records.join(format!("{}.json", subject.short()))
    }

    /// All records that there are.
    fn read(&self) -> Result<BTreeMap<Subject, Record>> {
        let mut records = BTreeMap::new();
        for subject in Subject::all() {
            let file = self.file(subject);
            if file.exists() {
                let record = serde_json::from_slice(&fs::read(&file)?);
                records.insert(subject, record.with_context(|| file.display().to_string())?);
            }
        }
        Ok(records)
    }

    async fn measure(&self, subject: Subject) -> Record {
        let mut record = Record {
            date: self.date.clone(),
            commit: self.commit.clone(),
            namespaces: self.namespaces,
            ..Record::default()
        };
        say(&format!("Kubernetes {subject}"));
        match self.serve(subject).await {
            Ok((binaries, served)) => {
                self.storm(subject, &mut record).await;
                self.test(subject, &binaries, &served, &mut record);
                record.served = Some(served);
            }
            Err(error) => record.notes.push(format!("cannot be run: {error:#}")),
        }
        record
    }

    /// Builds it if it has to be, and reads what it serves.
    async fn serve(&self, subject: Subject) -> Result<(Binaries, Served)> {
        let stage = Stage::start(&subject.stage(&self.stage)).await?;
        let served = Served::read(&stage.cluster.admin()?).await?;
        let version = subject.release.module_version();
        ensure!(served.version == version, "the API server says that it is {}", served.version);
        Ok((stage.cluster.binaries().clone(), served))
    }

    async fn storm(&self, subject: Subject, record: &mut Record) {
        let storm = Storm::of(subject.stage(&self.stage), self.namespaces);
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

    /// The scenarios and the attack list.
    fn test(&self, subject: Subject, binaries: &Binaries, served: &Served, record: &mut Record) {
        let Some(command) = &self.tests else { return };
        for suite in Suite::ALL {
            let cell = match suite.run(command, subject, served, &binaries.path("")) {
                Ok(outcome) => {
                    let failed = outcome.failed.iter().map(|test| format!("failed: {test}"));
                    record.notes.extend(failed);
                    outcome.cell()
                }
                Err(error) => {
                    record.notes.push(format!("{}: {error:#}", suite.word()));
                    "**error**".to_owned()
                }
            };
            say(&format!("{}: {cell}", suite.word()));
            record.tests.insert(suite.word().to_owned(), cell);
        }
    }
}

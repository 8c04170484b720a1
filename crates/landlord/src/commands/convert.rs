//! `convert`: Tenants and settings made of what another product, or a convention, says today.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use assessment::document::Document;
use assessment::inventory::{is_policy, policy_among, settings_document};
use assessment::is_in_scope;
use clap::{Args, ValueEnum};
use cluster::lists;
use cluster::settings::find_object;
use kube::core::GroupVersionKind;
use kube::discovery::pinned_kind;
use serde_json::Value;
use tenancy::namespace::Namespace;
use tenancy::settings::Settings;
use tenancy::tenant::{capsule, landlord};

use crate::convert::{
    Conversion, Grouping, PROJECT, Trial, from_capsule, from_hnc, from_namespaces, from_rancher,
};
use crate::flags::{Connection, SettingsFlags};
use crate::help::{self, Example, Exit};
use crate::inventory::{document_of_map, is_settings_map};
use crate::{files, output};

mod settings;

use self::settings::render_settings;

/// API version and kind of landlord's own Tenants.
const OWN: (&str, &str) = (landlord::API_VERSION, landlord::KIND);
/// Something would differ, or has to be labelled first.
const DIFFERS: u8 = 2;
/// Differences that are printed.
const SHOWN: usize = 50;

const EXAMPLES: [Example; 5] = [
    ("Capsule's tenants as landlord's own", "landlord convert --from capsule > tenants.yaml"),
    (
        "Namespaces that were labelled by hand, from files and without a cluster",
        "kubectl get ns -o yaml | landlord convert --from namespaces --by label:team -f -",
    ),
    ("Namespaces called TEAM-SOMETHING", "landlord convert --from namespaces --by prefix"),
    (
        "What landlord would do with the result",
        "landlord convert --from rancher | landlord plan -f - -f namespaces.yaml -o diff",
    ),
    ("Trees of the Hierarchical Namespace Controller", "landlord convert --from hnc"),
];
const EXITS: [Exit; 3] = [
    (0, "printed; with it every namespace stays as it is, but for landlord's own record"),
    (1, "an error, or nothing of that source was found"),
    (2, "printed, but namespaces would differ or have to be labelled first: each is named"),
];

/// Print Tenants and settings that leave every namespace as it is
///
/// Reads namespaces, and Capsule's Tenants or Rancher's Projects, in the cluster or with -f in files
/// only; nothing is written to a cluster. The result is YAML for `kubectl apply -f -` and for
/// `landlord plan -f -`. It is planned by the same engine first: what would differ, what has to be
/// labelled by hand and what is not carried over is named on standard error.
///
/// Tenants of `namespaces`, `rancher` and `hnc` get what all their namespaces share, and overrides
/// where node selector or tolerations differ, by a label that decides it, else by name. Who may
/// claim them is not known, so at first only admins may: list `owners`.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Convert {
    /// What says today whose a namespace is
    #[arg(long, env = "LANDLORD_FROM", value_enum, value_name = "SOURCE")]
    from: From,
    /// With `namespaces`: by what they belong together: label:KEY, annotation:KEY,
    /// prefix[:SEPARATOR] of their names, or selector
    #[arg(
        long,
        env = "LANDLORD_BY",
        value_name = "GROUPING",
        required_if_eq("from", "namespaces")
    )]
    by: Option<Grouping>,
    /// As what settings are printed, if they have to change [default: as they are stored; else
    /// policy]
    #[arg(long, env = "LANDLORD_SETTINGS_AS", value_enum, value_name = "KIND")]
    settings_as: Option<SettingsKind>,
    /// Files, folders or `-`, in YAML or JSON; several by commas, or by the flag again
    /// [default: the cluster]
    #[arg(
        help_heading = "Files",
        short,
        long = "filename",
        env = "LANDLORD_FILENAME",
        value_name = "FILE",
        value_delimiter = ','
    )]
    files: Vec<PathBuf>,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum From {
    /// Tenants of capsule.clastix.io
    Capsule,
    /// Projects, by the annotation field.cattle.io/projectId
    Rancher,
    /// Trees, by the labels NAME.tree.hnc.x-k8s.io/depth
    Hnc,
    /// Namespaces with something in common, see --by
    Namespaces,
}

/// What holds landlord's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SettingsKind {
    /// The ClusterAdmissionPolicy, for Kubewarden
    Policy,
    /// The ConfigMap of a controller without Kubewarden
    ConfigMap,
}

/// What there is to convert.
struct Material {
    documents: Vec<Document>,
    /// The object that holds the settings, if there is one.
    holder: Option<Value>,
    settings: Value,
}

impl Convert {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        if let (false, Some(by)) = (self.from == From::Namespaces, &self.by) {
            bail!(
                "--by {by} is for --from namespaces: other sources say themselves whose a namespace is"
            );
        }
        let Material { documents, holder, settings: base } = if self.files.is_empty() {
            tokio::runtime::Runtime::new().context("no runtime")?.block_on(self.read_cluster())?
        } else {
            self.read_files()?
        };
        let conversion = self.convert(&documents, &base)?;
        let settings = conversion.settings(&base);
        let trial = Trial::run(&conversion, &settings, documents)?;
        let mut parts = Vec::new();
        if Some(&settings) != unchanged(&base).as_ref() {
            parts.push(render_settings(&settings, holder, self.is_map(), &self.settings)?);
        }
        for tenant in conversion.objects() {
            parts.push(serde_saphyr::to_string(&tenant)?);
        }
        output::print(&parts.join("---\n"))?;
        report(&conversion, &trial);
        let is_same = trial.differences.is_empty() && conversion.commands.is_empty();
        Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
    }

    /// Whether the settings go into a ConfigMap; `None` where that was not said.
    fn is_map(&self) -> Option<bool> {
        self.settings_as.map(|kind| kind == SettingsKind::ConfigMap)
    }

    fn convert(&self, documents: &[Document], base: &Value) -> Result<Conversion> {
        let settings = Settings::from_value(&Conversion::default().settings(base))
            .context("the settings that are there")?;
        let mut namespaces = Vec::new();
        for Document { place, object } in documents.iter().filter(|one| is_namespace(&one.object)) {
            let read = Namespace::from_value(object).with_context(|| place.to_string())?;
            namespaces.extend(Some(read).filter(|one| is_in_scope(&settings, one)));
        }
        let namespaces: Vec<&Namespace> = namespaces.iter().collect();
        let of_kind = |api_version: &str, kind: &str| {
            let objects = documents.iter().map(|document| &document.object);
            objects.filter(|object| is_of_kind(object, api_version, kind)).collect::<Vec<_>>()
        };
        if namespaces.is_empty() && self.from != From::Capsule {
            bail!("no namespaces found in {}", self.place());
        }
        match (self.from, &self.by) {
            (From::Capsule, _) => {
                let tenants = of_kind(capsule::API_VERSION, capsule::KIND);
                if tenants.is_empty() {
                    bail!(
                        "no {} {} found in {}",
                        capsule::API_VERSION,
                        capsule::KIND,
                        self.place()
                    );
                }
                Ok(from_capsule(&tenants))
            }
            (From::Rancher, _) => {
                let (api_version, kind) = PROJECT;
                from_rancher(&namespaces, &of_kind(api_version, kind))
            }
            (From::Hnc, _) => from_hnc(&namespaces),
            (From::Namespaces, Some(by)) => from_namespaces(&namespaces, by),
            (From::Namespaces, None) => bail!("say --by what namespaces belong together"),
        }
    }

    fn place(&self) -> String {
        let names: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        if names.is_empty() { "the cluster".to_owned() } else { names.join(", ") }
    }

    fn read_files(&self) -> Result<Material> {
        let documents = files::read(&self.files)?;
        let map = || documents.iter().find(|document| is_settings_map(&document.object));
        let holder = match self.settings.file() {
            Some(file) => Some(read_object(file)?),
            None => policy_among(&documents)?.or_else(map).map(|found| found.object.clone()),
        };
        Material::new(documents, holder)
    }

    async fn read_cluster(&self) -> Result<Material> {
        let client = self.connection.client().await?;
        let holder = match self.settings.file() {
            Some(file) => Some(read_object(file)?),
            None => {
                find_object(&client, self.settings.named_policy(), self.settings.namespace())
                    .await?
            }
        };
        let mut documents = lists::namespace_objects(&client).await?;
        if self.from == From::Capsule {
            documents
                .extend(lists::objects_of(&client, capsule::API_VERSION, capsule::KIND).await?);
        }
        // Projects are in Rancher's own cluster only; Tenants of landlord's may be there already.
        let projects = Some(PROJECT).filter(|_| self.from == From::Rancher);
        for (api_version, kind) in projects.into_iter().chain([OWN]) {
            let (group, version) = api_version.split_once('/').unwrap_or_default();
            if pinned_kind(&client, &GroupVersionKind::gvk(group, version, kind)).await.is_ok() {
                documents.extend(lists::objects_of(&client, api_version, kind).await?);
            }
        }
        Material::new(documents, holder)
    }
}

impl Material {
    fn new(documents: Vec<Document>, holder: Option<Value>) -> Result<Self> {
        let settings = match &holder {
            Some(map) if is_settings_map(map) => document_of_map(map)?,
            Some(object) => settings_document(object).clone(),
            None => Value::Null,
        };
        // A bare document of settings holds nothing else.
        let holder = holder.filter(|object| is_policy(object) || is_settings_map(object));
        Ok(Self { documents, holder, settings })
    }
}

fn read_object(file: &Path) -> Result<Value> {
    let document = files::read_one(file)?;
    Ok(document.with_context(|| format!("{} is empty", file.display()))?.object)
}

/// The settings that are there, if they are for landlord's own tenants.
fn unchanged(base: &Value) -> Option<Value> {
    let is_own = base.get("tenantSource").is_none_or(|source| source == "landlord");
    is_own.then(|| Conversion::default().settings(base))
}

fn is_namespace(object: &Value) -> bool {
    is_of_kind(object, "v1", "Namespace")
}

fn is_of_kind(object: &Value, api_version: &str, kind: &str) -> bool {
    let text = |field: &str| object.get(field).and_then(Value::as_str);
    (text("apiVersion"), text("kind")) == (Some(api_version), Some(kind))
}

/// Says on standard error what the result is, and what it is not.
fn report(conversion: &Conversion, trial: &Trial) {
    for note in conversion.notes.iter().chain(&trial.notes) {
        eprintln!("note: {note}");
    }
    for command in &conversion.commands {
        eprintln!("needed first: {command}");
    }
    for difference in trial.differences.iter().take(SHOWN) {
        eprintln!("differs: {difference}");
    }
    let more = trial.differences.len().saturating_sub(SHOWN);
    if more > 0 {
        eprintln!("differs: {more} more; `landlord plan -f` shows all of them");
    }
    let (tenants, claimed, all) = (conversion.tenants.len(), trial.claimed, trial.namespaces);
    let verdict = match trial.differences.len() {
        0 => "nothing but landlord's own record would change".to_owned(),
        count => format!("{count} differences"),
    };
    eprintln!("{tenants} tenants have {claimed} of {all} namespaces; {verdict}");
}

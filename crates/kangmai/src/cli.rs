//! Every flag of every command, with the words that `--help` shows.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use server::folder::Folder;

/// Kangmai 康脉: one trustworthy record of a resident's health from what many institutions know.
#[derive(Debug, Parser)]
#[command(name = "kangmai", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done; 1 done with findings; 2 not done.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How log lines look on stderr.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Also log every request (never its parameters or body).
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the FHIR face, the platform's API and the portal
    Serve(Serve),
    /// Make and list accounts; works while a server runs, and without one
    Admin(Box<Admin>),
    /// Load FHIR bundles from files into a server
    Load(Load),
    /// Send files of a source: documents, HL7 v2 messages, tables, FHIR; goes on where it was cut off
    Ingest(Ingest),
    /// Check files (FHIR, shared documents, HL7 v2, tables) with reader and rules, without a server
    Validate(Validate),
    /// Find out which registrations of a table are one person, without a server
    Empi(Empi),
    /// Ask a server why the policy lets the token's account do something, or not
    Authz(Authz),
    /// List the routes of the server: method, path, name, who may come
    Routes,
    /// Verify the audit log, or sign a checkpoint of it
    Audit(Audit),
    /// Copy the data folder; works while a server runs
    Backup(Backup),
    /// Put a backup in the place of a data folder that does not exist yet
    Restore(Restore),
    /// Open a data folder or a backup and check everything in it
    Verify(Verify),
    /// Open a folder whose write-ahead log is damaged before its end, up to the damage; the damaged log is kept beside
    Repair(Repair),
    /// Start with a synthetic city, in a fresh folder that is removed at the end
    Demo(Demo),
    /// Make a city of invented residents: the feeds of three senders, and the truth about them
    Synth(Synth),
}

/// Where the data lie.
#[derive(Debug, Clone, Args)]
pub struct DataFolder {
    /// The data folder; made when it does not exist
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The key file, without which the data cannot be read [default: DIR.key beside the folder]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

impl DataFolder {
    /// The folder with its key.
    pub fn folder(&self) -> Folder {
        Folder::new(&self.data, self.key_file.clone())
    }
}

/// `kangmai repair`.
#[derive(Debug, Args)]
pub struct Repair {
    #[command(flatten)]
    pub folder: DataFolder,
}

/// `kangmai authz`.
#[derive(Debug, Args)]
pub struct Authz {
    /// What to ask.
    #[command(subcommand)]
    pub command: AuthzCommand,
}

/// What to ask the policy.
#[derive(Debug, Subcommand)]
pub enum AuthzCommand {
    /// Which rule decides, on what ground, in Chinese and English
    Explain {
        /// The server
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
        server: String,
        /// A file with the token [default: the variable KANGMAI_TOKEN]
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// create, read, update, delete or search
        #[arg(long, default_value = "read")]
        interaction: String,
        /// The resource type
        #[arg(long = "type", value_name = "TYPE", default_value = "Observation")]
        type_name: String,
        /// The person that it is about
        #[arg(long, value_name = "ID")]
        person: Option<String>,
    },
}

/// `kangmai serve`.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub folder: DataFolder,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The address that clients use when a gateway stands in front, for example https://health.example.org
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Speak plain HTTP on an address that other machines can reach (there is no TLS in this program)
    #[arg(long)]
    pub allow_plain_http: bool,
}

/// `kangmai admin`.
#[derive(Debug, Args)]
pub struct Admin {
    #[command(subcommand)]
    pub command: AdminCommand,
}

/// What an administrator does.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Make a machine account and print its token, once
    Machine {
        /// Its name
        name: String,
        #[command(flatten)]
        folder: DataFolder,
        /// Its tenant, 1 or above
        #[arg(long)]
        tenant: u32,
        /// SMART scopes, separated by spaces: 'system/*.cruds', 'system/Observation.rs system/Patient.r'
        #[arg(long)]
        scope: String,
        /// Give an existing account a new token and this scope
        #[arg(long)]
        renew: bool,
    },
    /// Register a source: who sends, for which institution; prints the token of its account
    Source {
        /// Its name in addresses: a-z, 0-9 and -
        name: String,
        #[command(flatten)]
        folder: DataFolder,
        /// Its tenant, 1 or above
        #[arg(long)]
        tenant: u32,
        /// The code of the institution (机构编码) that it speaks for
        #[arg(long)]
        institution: String,
        /// A further institution that it speaks for; may be repeated. Numbers that it gives in domains of others are kept as its word
        #[arg(long = "also-for", value_name = "CODE")]
        also_for: Vec<String>,
        /// What people read
        #[arg(long)]
        title: Option<String>,
        /// The encoding to assume when a message does not show one: utf-8, gb18030
        #[arg(long)]
        encoding: Option<String>,
        /// The code map of its local item codes (standards/maps)
        #[arg(long, value_name = "MAP")]
        code_map: Option<String>,
        /// The branch (院区) of messages that name none
        #[arg(long, value_name = "CODE")]
        branch: Option<String>,
        /// A name by which the system calls itself where it numbers patients (HL7 v2 CX-4); may be repeated
        #[arg(long = "authority", value_name = "NAME")]
        authorities: Vec<String>,
        /// The root of the patient number in its shared documents, best first; may be repeated
        #[arg(long = "patient-root", value_name = "OID")]
        patient_roots: Vec<String>,
        /// Another code of an institution and the one that is meant: OLD=CODE; may be repeated
        #[arg(long = "alias", value_name = "OLD=CODE", value_parser = crate::admin::alias)]
        aliases: Vec<(String, String)>,
        /// Listen for HL7 v2 over MLLP on this address, from the next start on
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
        /// An address that may connect there; may be repeated [default: this machine only]
        #[arg(long, value_name = "IP")]
        allow: Vec<std::net::IpAddr>,
        /// Watch this folder for files, from the next start on
        #[arg(long, value_name = "DIR")]
        watch: Option<PathBuf>,
        /// Take no more messages from it
        #[arg(long)]
        off: bool,
    },
    /// Make an account for a person and print its password, unless it comes on stdin
    Account {
        /// The sign-in name
        name: String,
        #[command(flatten)]
        folder: DataFolder,
        /// clinician, resident, system-administrator, security-administrator, audit-administrator, platform-operator,
        /// institution-administrator, family-doctor, index-administrator
        #[arg(long)]
        role: String,
        /// Its tenant, 1 or above
        #[arg(long)]
        tenant: u32,
        /// What others read
        #[arg(long)]
        display_name: Option<String>,
        /// The institution it speaks for
        #[arg(long)]
        institution: Option<String>,
        /// The department (科室) that a clinician works in, as the institution's messages code it
        #[arg(long)]
        department: Option<String>,
        /// The staff number (工号) that the institution's messages name a clinician by
        #[arg(long, value_name = "NUMBER")]
        staff_number: Option<String>,
        /// SMART scopes [default: the usual ones of the role]
        #[arg(long)]
        scope: Option<String>,
        /// The id of the Patient that a resident's account is bound to; may be repeated
        #[arg(long, value_name = "ID")]
        patient: Vec<String>,
        /// A family member whom a resident acts for: PATIENT-ID:child|parent|spouse|other[:YYYY-MM-DD when it ends]; may be repeated
        #[arg(long, value_name = "ID:RELATION")]
        proxy: Vec<String>,
        /// Read the password from the first line of stdin
        #[arg(long)]
        password_stdin: bool,
    },
    /// Print the key with which an institution's own screens sign a launch (诊间调阅)
    LaunchKey {
        #[command(flatten)]
        folder: DataFolder,
        /// Its tenant, 1 or above
        #[arg(long)]
        tenant: u32,
        /// The code of the institution
        #[arg(long)]
        institution: String,
    },
    /// Close an account: its token and password stop working at once
    Disable {
        /// Its name
        name: String,
        #[command(flatten)]
        folder: DataFolder,
        /// Its tenant
        #[arg(long)]
        tenant: u32,
    },
    /// Renew the master key: a new key takes the place of the key file, the old one is kept beside it and refused from then on. Works while
    /// a server runs and without one; say it again when it was cut off
    RenewKeys {
        #[command(flatten)]
        folder: DataFolder,
    },
    /// Build the search index anew beside the one that answers, then switch. Works while a server runs (it does the work and goes on
    /// serving) and without one. A server does it by itself when its search parameters are not those of the index
    Reindex {
        #[command(flatten)]
        folder: DataFolder,
    },
    /// Search parameters of a tenant's own (FHIR `SearchParameter`). The index is built with a new one by the server that runs, or by the
    /// next; until then questions that name it are answered 503
    #[command(subcommand)]
    SearchParameter(SearchParameterCommand),
    /// List the accounts of a tenant
    List {
        #[command(flatten)]
        folder: DataFolder,
        /// The tenant
        #[arg(long, default_value_t = 1)]
        tenant: u32,
    },
}

/// What is done with custom search parameters.
#[derive(Debug, Subcommand)]
pub enum SearchParameterCommand {
    /// Add one from a file
    Add {
        /// A FHIR `SearchParameter` in JSON: url, code, type, base, expression (FHIRPath), and target for references
        file: PathBuf,
        #[command(flatten)]
        folder: DataFolder,
        /// The tenant
        #[arg(long)]
        tenant: u32,
    },
    /// Retire one: it is unknown at once
    Retire {
        /// Its code or its url
        name: String,
        #[command(flatten)]
        folder: DataFolder,
        /// The tenant
        #[arg(long)]
        tenant: u32,
    },
    /// List them: code, ready|building|broken, type, bases, compiled|interpreted, evaluations that failed, url, expression
    List {
        #[command(flatten)]
        folder: DataFolder,
        /// The tenant
        #[arg(long, default_value_t = 1)]
        tenant: u32,
    },
}

/// `kangmai load`.
#[derive(Debug, Args)]
pub struct Load {
    /// Bundles (.json, .json.zst), or folders with bundles
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub server: String,
    /// A file with the token [default: the variable KANGMAI_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// How many bundles are sent at the same time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub clients: u8,
}

/// `kangmai ingest`.
#[derive(Debug, Args)]
pub struct Ingest {
    /// Files, or folders with files (also below them), sent in the order of their names
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// The source that they come from, as registered with `kangmai admin source`
    #[arg(long, value_name = "NAME")]
    pub source: String,
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub server: String,
    /// A file with the token of the source's account [default: the variable KANGMAI_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// How many messages are sent at the same time; 1 keeps their order
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub clients: u8,
    /// Where it is written down what was acknowledged, one line a message [default: PATH.ingested beside the first path]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// For how many seconds a server that does not answer is asked again
    #[arg(long, default_value_t = 300)]
    pub patience: u64,
}

/// `kangmai validate`.
#[derive(Debug, Args)]
pub struct Validate {
    /// FHIR JSON, CDA XML, HL7 v2 or delimited tables; what they are is seen by their bytes. May be packed (.zst)
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    pub format: ReportFormat,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One line each.
    Human,
    /// One JSON object a line.
    Json,
}

/// `kangmai audit`.
#[derive(Debug, Args)]
pub struct Audit {
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What is done with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Read every event, rebuild the tree, and compare with the signed checkpoints
    Verify {
        #[command(flatten)]
        folder: DataFolder,
        /// The tenant
        #[arg(long, default_value_t = 1)]
        tenant: u32,
        /// A checkpoint that was kept elsewhere: the log must still contain it
        #[arg(long, value_name = "FILE")]
        anchor: Option<PathBuf>,
    },
    /// Sign a checkpoint and print it: keep it elsewhere, as an anchor
    Checkpoint {
        #[command(flatten)]
        folder: DataFolder,
        /// The tenant
        #[arg(long, default_value_t = 1)]
        tenant: u32,
    },
}

/// `kangmai backup`.
#[derive(Debug, Args)]
pub struct Backup {
    #[command(flatten)]
    pub folder: DataFolder,
    /// Where the copy goes; must not exist
    pub to: PathBuf,
}

/// `kangmai restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup
    pub from: PathBuf,
    #[command(flatten)]
    pub folder: DataFolder,
}

/// `kangmai verify`.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub folder: DataFolder,
}

/// `kangmai demo`.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Residents of the synthetic city
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(10..=200_000))]
    pub people: u32,
    /// The same seed and day give the same city
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The day of the demo [default: today]
    #[arg(long, value_name = "DAY")]
    pub today: Option<String>,
    /// Years of history
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=10))]
    pub years: i32,
    /// Compare everything with the truth, by public interfaces only, and end: exit code 1 on any difference
    #[arg(long)]
    pub check: bool,
    /// Change one value of the truth before comparing: the check must then find it
    #[arg(long, hide = true, requires = "check")]
    pub falsify: bool,
    /// Instead of the city the sample records, which were made elsewhere
    #[arg(long, conflicts_with = "check")]
    pub sample: bool,
    /// The sample records
    #[arg(long, value_name = "DIR", default_value = "samples/synthea")]
    pub samples: PathBuf,
    /// Keep the data in this folder, which must not exist yet [default: a temporary folder, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// `kangmai synth`.
#[derive(Debug, Args)]
pub struct Synth {
    /// How many residents; the last household is made whole
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    pub people: u32,
    /// The same seed and day give the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The folder to make it in; empty or not there yet
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The day of the demo, from which every date is an offset: 2026-11-22 [default: today]
    #[arg(long, value_name = "DAY")]
    pub today: Option<String>,
    /// Years of history
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=10))]
    pub years: i32,
}

/// `kangmai empi`.
#[derive(Debug, Args)]
pub struct Empi {
    #[command(subcommand)]
    pub command: EmpiCommand,
}

/// What the person index does.
#[derive(Debug, Subcommand)]
pub enum EmpiCommand {
    /// Link registrations: writes rec_id,cluster_id, and the queue of what people have to decide
    Link {
        /// Registrations: rec_id,source,mrn,id_type,id_no,name,sex,birth_date,phone,address,reg_date
        records: PathBuf,
        /// Where the clusters go
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Where the review queue goes: rec_id_a,rec_id_b,kind,weight
        #[arg(long, value_name = "FILE")]
        review: Option<PathBuf>,
        /// What people decided, which always wins: rec_id_a,rec_id_b,decision (same, different)
        #[arg(long, value_name = "FILE")]
        decisions: Option<PathBuf>,
        #[command(flatten)]
        learned: EmpiLearned,
    },
    /// Link registrations and compare with the truth
    Eval {
        /// Registrations
        records: PathBuf,
        /// The truth: rec_id,person_id
        truth: PathBuf,
        #[command(flatten)]
        learned: EmpiLearned,
    },
    /// Say why two registrations are one person, or not
    Explain {
        /// A registration's rec_id
        left: String,
        /// Another one's
        right: String,
        /// The table that holds both
        #[arg(long, value_name = "FILE")]
        records: PathBuf,
        #[command(flatten)]
        learned: EmpiLearned,
    },
}

/// What the person index knows beforehand.
#[derive(Debug, Args)]
pub struct EmpiLearned {
    /// The region tree, a table with the columns code and name: finds counties, and says which prefixes of numbers are real
    #[arg(long, value_name = "FILE")]
    pub regions: Option<PathBuf>,
    /// The model with frequencies and placeholders: used when the file exists, else learned and written there
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
}

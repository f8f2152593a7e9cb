//! `kangmai empi`: the person index on a table, without a server.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use identity::batch::{Frozen, Input, Linked, link};
use identity::cluster::{ReviewKind, Wishes};
use identity::evaluate::evaluate;
use identity::explain::{Side, explain};
use identity::packed::Packed;
use identity::standardise::{Regions, Registration, standardise};
use identity::table::{COLUMNS, read_columns, write_clusters, write_queue};

use crate::cli::{Empi, EmpiCommand, EmpiLearned};
use crate::{Ended, speak};

/// Does what the words after `empi` say.
pub fn run(arguments: &Empi) -> anyhow::Result<Ended> {
    match &arguments.command {
        EmpiCommand::Link { records, out, review, decisions, learned } => {
            let (input, _, linked) = link_file(records, decisions.as_deref(), learned)?;
            let mut clusters = create(out)?;
            write_clusters(&mut clusters, &input.ids, &linked.clusters.cluster_of)?;
            clusters.flush()?;
            if let Some(review) = review {
                let mut queue = create(review)?;
                write_queue(&mut queue, &input.ids, &linked.clusters.queue)?;
                queue.flush()?;
            }
            report(&linked);
            Ok(Ended::Well)
        }
        EmpiCommand::Eval { records, truth, learned } => {
            let (input, _, linked) = link_file(records, None, learned)?;
            let person_of = read_truth(truth, &input)?;
            speak::data(evaluate(&linked, &person_of));
            Ok(Ended::Well)
        }
        EmpiCommand::Explain { left, right, records, learned } => explain_pair(left, right, records, learned),
    }
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(path).with_context(|| format!("cannot write {}", path.display()))?))
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    // A megabyte at a time: the file is read once, from the front to the end.
    Ok(BufReader::with_capacity(1 << 20, File::open(path).with_context(|| format!("cannot read {}", path.display()))?))
}

fn read_regions(learned: &EmpiLearned) -> anyhow::Result<Regions> {
    let Some(path) = &learned.regions else { return Ok(Regions::default()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (regions, skipped) = Regions::read(&text);
    anyhow::ensure!(
        regions.is_known(),
        "{} holds no region: a table with the columns code and name is wanted",
        path.display()
    );
    if skipped > 0 {
        speak::words(format!("{}: {skipped} lines are no regions", path.display()));
    }
    Ok(regions)
}

/// Reads the model where there is one; else learns it from the registrations, and writes it where a name is given.
fn freeze(input: &mut Input, learned: &EmpiLearned) -> anyhow::Result<Frozen> {
    if let Some(path) = learned.model.as_deref().filter(|path| path.exists()) {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let frozen: Frozen =
            serde_json::from_slice(&text).with_context(|| format!("{} is no model", path.display()))?;
        let version = frozen.model.standardise_version;
        anyhow::ensure!(
            version == identity::standardise::VERSION,
            "{} was learned with version {version} of the standardisation; this program has version {}",
            path.display(),
            identity::standardise::VERSION
        );
        frozen.apply(&mut input.registrations);
        return Ok(frozen);
    }
    let frozen = Frozen::learn(&mut input.registrations);
    if let Some(path) = &learned.model {
        let mut file = create(path)?;
        serde_json::to_writer(&mut file, &frozen)?;
        file.flush()?;
    }
    Ok(frozen)
}

/// Reads the registrations, and says which columns the heading lacks: a misspelt one would be missed by nobody.
fn read_input(records: &Path, regions: &Regions) -> anyhow::Result<Input> {
    let input =
        Input::read(&mut open(records)?, regions).with_context(|| format!("cannot read {}", records.display()))?;
    if !input.missing_columns.is_empty() {
        let missing = input.missing_columns.join(", ");
        speak::words(format!("warning: {} has no column {missing}", records.display()));
    }
    Ok(input)
}

fn link_file(
    records: &Path,
    decisions: Option<&Path>,
    learned: &EmpiLearned,
) -> anyhow::Result<(Input, Frozen, Linked)> {
    let regions = read_regions(learned)?;
    let mut input = read_input(records, &regions)?;
    let frozen = freeze(&mut input, learned)?;
    let wishes = decisions.map_or(Ok(Wishes::default()), |path| read_decisions(path, &input))?;
    let linked = link(&input.registrations, &frozen, &wishes);
    Ok((input, frozen, linked))
}

fn places(input: &Input) -> HashMap<&str, u32> {
    (0..u32::try_from(input.ids.len()).unwrap_or(u32::MAX)).map(|at| (input.ids.get(at), at)).collect()
}

/// `rec_id_a,rec_id_b,decision`: same or different.
fn read_decisions(path: &Path, input: &Input) -> anyhow::Result<Wishes> {
    let places = places(input);
    let mut wishes = Wishes::default();
    let mut wrong = Vec::new();
    read_columns(&mut open(path)?, ["rec_id_a", "rec_id_b", "decision"], |[left, right, decision]| {
        match (places.get(left), places.get(right), decision.trim()) {
            (Some(left), Some(right), "same") => wishes.must_link.push((*left, *right)),
            (Some(left), Some(right), "different") => wishes.cannot_link.push((*left, *right)),
            _ => wrong.push(format!("{left},{right},{decision}")),
        }
    })?;
    anyhow::ensure!(
        wrong.is_empty(),
        "{}: unknown registration, or a decision that is neither same nor different: {}",
        path.display(),
        wrong.join("; ")
    );
    Ok(wishes)
}

fn read_truth(path: &Path, input: &Input) -> anyhow::Result<Vec<u32>> {
    let places = places(input);
    let mut persons: HashMap<String, u32> = HashMap::new();
    let mut person_of: Vec<Option<u32>> = vec![None; input.ids.len()];
    read_columns(&mut open(path)?, ["rec_id", "person_id"], |[registration, person]| {
        let next = u32::try_from(persons.len()).unwrap_or(u32::MAX);
        if let Some(place) = places.get(registration) {
            person_of[*place as usize] = Some(*persons.entry(person.to_owned()).or_insert(next));
        }
    })?;
    let missing = person_of.iter().filter(|person| person.is_none()).count();
    anyhow::ensure!(missing == 0, "{} does not say who {missing} registrations are", path.display());
    Ok(person_of.into_iter().flatten().collect())
}

fn report(linked: &Linked) {
    let clusters = &linked.clusters;
    let persons = clusters.cluster_of.iter().zip(0_u32..).filter(|(cluster, at)| *cluster == at).count();
    let conflicts = clusters.queue.iter().filter(|row| row.kind == ReviewKind::DocumentConflict).count();
    let candidates = 2.0 * linked.pairs_scored as f64 / clusters.cluster_of.len().max(1) as f64;
    speak::words(format!("{} registrations are {persons} persons", clusters.cluster_of.len()));
    speak::words(format!(
        "queue: {} rows, and {conflicts} document conflicts; {} weaker rows were left out",
        clusters.queue.len() - conflicts,
        clusters.queue_left_out
    ));
    speak::words(format!(
        "blocking: {candidates:.1} candidates per registration, estimated recall {:.4}",
        linked.estimated_recall
    ));
    for (pass, done) in identity::blocks::ALL.iter().zip(&linked.passes) {
        let left_out = if done.left_out > 0 { format!(", {} pairs left out", done.left_out) } else { String::new() };
        speak::words(format!(
            "  {}: {} blocks, {} pairs ({} new), {} splits{left_out}",
            pass.name, done.blocks, done.pairs, done.new_pairs, done.splits
        ));
    }
}

fn explain_pair(left: &str, right: &str, records: &Path, learned: &EmpiLearned) -> anyhow::Result<Ended> {
    let regions = read_regions(learned)?;
    let mut input = read_input(records, &regions)?;
    let frozen = freeze(&mut input, learned)?;
    let places = places(&input);
    let mut found: [Option<Vec<String>>; 2] = [None, None];
    read_columns(&mut open(records)?, COLUMNS, |fields| {
        for (slot, wanted) in found.iter_mut().zip([left, right]) {
            if fields[0] == wanted {
                *slot = Some(fields.iter().map(|field| (*field).to_owned()).collect());
            }
        }
    })?;
    let side = |fields: &Option<Vec<String>>, wanted: &str| -> anyhow::Result<(Vec<String>, Packed)> {
        let fields = fields.clone().with_context(|| format!("{} has no registration {wanted}", records.display()))?;
        let place = places.get(wanted).with_context(|| format!("no registration {wanted}"))?;
        Ok((fields, input.registrations[*place as usize]))
    };
    let (one, other) = (side(&found[0], left)?, side(&found[1], right)?);
    let sides = [&one, &other].map(|(fields, packed)| {
        let sent = registration(fields);
        Side { sent, standard: standardise(&sent, &regions), packed: *packed }
    });
    speak::data(explain(&sides[0], &sides[1], &frozen).trim_end());
    Ok(Ended::Well)
}

fn registration(fields: &[String]) -> Registration<'_> {
    Registration::of_columns(|at| fields.get(at).map_or("", String::as_str))
}

//! Any document as plain Chinese HTML for people: title, patient, sections with named values.
//!
//! Every line says which data element it is and where it stands (`data-element`, `data-path`). The page is one file without
//! scripts, styles from elsewhere or links; everything that was sent is escaped.

use std::fmt::Write as _;

use standards::cda;

use super::acts::{self, Body};
use super::findings::Findings;
use super::tree::{Position, Tree};
use super::values::{self, string};
use super::{Options, checks, envelope, escape, spelling};

/// The style of the page: readable on screen and on paper.
const STYLE: &str = "body{font:16px/1.7 'Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif;color:#1b2430;max-width:52rem;margin:2rem auto;\
padding:0 1.25rem}h1{font-size:1.5rem;text-align:center;margin:.2em 0 1em;letter-spacing:.05em}h2{font-size:1.05rem;margin:1.6em 0 .4em;\
padding-bottom:.25em;border-bottom:1px solid #d6dde5;color:#17486b}dl{display:grid;grid-template-columns:minmax(9rem,30%) 1fr;\
gap:.15rem 1rem;margin:0}dt{color:#5a6877}dd{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}div.group{border-left:3px solid #e3e9ef;\
padding-left:.8rem;margin:.5rem 0}p{white-space:pre-wrap}small{color:#5a6877}@media print{body{margin:0;max-width:none}}";

/// The page of a document, or of all documents of an envelope; of something unreadable a page that says so.
#[must_use]
pub fn render(bytes: &[u8]) -> String {
    let mut page = String::with_capacity(8 << 10);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n<title>共享文档</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    );
    let mut findings = Findings::default();
    let mut shown = 0;
    for one in envelope::open(bytes, &Options::default(), &mut findings) {
        let Ok(tree) = Tree::parse(&one.text, &mut findings) else { continue };
        for root in envelope::documents(&tree) {
            Page { tree: &tree, page: &mut page }.document(root);
            shown += 1;
        }
    }
    if shown == 0 {
        page.push_str("<h1>无法读取的文档</h1>\n");
        for issue in findings.into_issues() {
            let _ = writeln!(page, "<p>{}</p>", escape(issue.hint.as_deref().unwrap_or(&issue.rule)));
        }
    }
    page.push_str("</body>\n</html>\n");
    page
}

struct Page<'p, 't> {
    tree: &'p Tree<'t>,
    page: &'p mut String,
}

impl Page<'_, '_> {
    fn document(&mut self, root: Position) {
        let tree = self.tree;
        let mut findings = Findings::default();
        let (code, template) = checks::document_type(tree, root, &mut findings);
        let body = acts::Reader::body(tree, root, template, &mut findings);
        let title = tree.child(root, "title").and_then(|node| string(tree.text(node)));
        let title =
            title.or_else(|| template.map(|known| known.title.to_owned())).unwrap_or_else(|| "共享文档".to_owned());
        let _ = writeln!(self.page, "<article data-document=\"{}\">\n<h1>{}</h1>", escape(&code), escape(&title));
        let options = Options::default();
        let class = super::header::read(tree, root, template, &options, &mut findings, &mut Vec::new()).class;
        self.header(root, class);
        for (number, section) in body.sections.iter().enumerate() {
            self.section(&body, number, section.shown());
        }
        self.page.push_str("</article>\n");
    }

    fn line(&mut self, element: &str, path: &str, name: &str, value: &str) {
        if value.trim().is_empty() {
            return;
        }
        let _ = writeln!(
            self.page,
            "<dt>{}</dt><dd data-element=\"{}\" data-path=\"{}\">{}</dd>",
            escape(name),
            escape(element),
            escape(path),
            escape(value.trim())
        );
    }

    /// The parts of the header that are data elements.
    fn header(&mut self, root: Position, class: &str) {
        let tree = self.tree;
        self.page.push_str("<dl>\n");
        for known in cda::header().element.iter().filter(|known| known.class.is_empty() || known.class.contains(class))
        {
            for node in tree.all_below(root, &known.path) {
                let of_root = spelling::right_oid(tree.attribute(node, "root").unwrap_or_default());
                if !known.root.is_empty() && of_root != known.root {
                    continue;
                }
                let value = match &*known.take {
                    "text" => tree.text(node),
                    attribute => tree.attribute(node, attribute).unwrap_or_default(),
                };
                let display = tree.attribute(node, "displayName").unwrap_or_default();
                let unit = tree.attribute(node, "unit").unwrap_or_default();
                let text =
                    if display.trim().is_empty() { shown(value, &known.name) + unit } else { display.to_owned() };
                let role = tree
                    .parent(node)
                    .and_then(|person| tree.parent(person))
                    .and_then(|entity| tree.child(entity, "code"));
                let role =
                    role.filter(|_| known.name == "签名人姓名").and_then(|code| tree.attribute(code, "displayName"));
                self.line(&known.id, &tree.path(node), role.unwrap_or(&known.name), &text);
            }
        }
        self.page.push_str("</dl>\n");
    }

    fn section(&mut self, body: &Body, number: usize, title: &str) {
        let tree = self.tree;
        let section = &body.sections[number];
        let _ = writeln!(
            self.page,
            "<section data-path=\"{}\">\n<h2>{}</h2>",
            escape(&tree.path(section.node)),
            escape(title)
        );
        if let Some(text) = tree.child(section.node, "text").and_then(|text| string(&tree.whole_text(text))) {
            let _ = writeln!(self.page, "<p>{}</p>", escape(&text));
        }
        for act in &section.top {
            self.act(body, *act);
        }
        self.page.push_str("</section>\n");
    }

    fn act(&mut self, body: &Body, position: usize) {
        let tree = self.tree;
        let act = &body.acts[position];
        let path = tree.path(act.node);
        let group = !act.children.is_empty() || act.kind != "observation";
        self.page.push_str(if group { "<div class=\"group\">\n<dl>\n" } else { "<dl>\n" });
        let mut text = act.value.words().to_owned();
        if act.value.kind == "TS" {
            text = shown(&text, "时间");
        }
        if act.value.kind == "BL" {
            text = match act.value.text.trim() {
                "true" => "是".to_owned(),
                "false" => "否".to_owned(),
                other => other.to_owned(),
            };
        }
        if !act.value.unit.trim().is_empty() {
            text = format!("{text} {}", act.value.unit.trim());
        }
        self.line(&act.id, &path, if act.name.is_empty() { kind_name(act.kind) } else { &act.name }, &text);
        self.places(act.node, act.kind);
        self.page.push_str("</dl>\n");
        for child in &act.children {
            self.act(body, *child);
        }
        if group {
            self.page.push_str("</div>\n");
        }
    }

    /// What an act says outside its value: code, time, people, drug, range.
    fn places(&mut self, node: Position, kind: &str) {
        let tree = self.tree;
        let coded = [
            ("code", "", "名称"),
            ("routeCode", "DE06.00.134.00", "用药途径"),
            ("administrationUnitCode", "DE08.50.011.00", "药物剂型"),
            ("targetSiteCode", "DE06.00.187.00", "部位"),
            ("interpretationCode", "", "结果标志"),
        ];
        for (name, element, label) in coded {
            if name == "code" && kind == "observation" {
                continue;
            }
            let Some(place) = tree.child(node, name) else { continue };
            let words = [tree.attribute(place, "displayName"), tree.attribute(place, "code")]
                .into_iter()
                .flatten()
                .find(|text| !text.trim().is_empty());
            self.line(element, &tree.path(place), label, words.unwrap_or_default());
        }
        if let Some(time) = tree.child(node, "effectiveTime").and_then(|time| values::when(tree, time)) {
            let text = match time {
                ("Period", period) => ["start", "end"]
                    .map(|name| period.get(name).and_then(serde_json::Value::as_str).map(readable).unwrap_or_default())
                    .join(" 至 "),
                (_, one) => one.as_str().map(readable).unwrap_or_default(),
            };
            let path = tree.child(node, "effectiveTime").map(|time| tree.path(time)).unwrap_or_default();
            self.line("", &path, "时间", &text);
        }
        for (path, element, label) in [
            ("consumable/manufacturedProduct/manufacturedLabeledDrug/name", "DE08.50.022.00", "药物名称"),
            ("text", "", "说明"),
        ] {
            if let Some(place) = tree.below(node, path) {
                self.line(element, &tree.path(place), label, &tree.whole_text(place));
            }
        }
        for (name, element, label) in
            [("doseQuantity", "DE08.50.023.00", "次剂量"), ("rateQuantity", "DE06.00.133.00", "频次")]
        {
            let Some(place) = tree.child(node, name) else { continue };
            let text = format!(
                "{}{}",
                tree.attribute(place, "value").unwrap_or_default(),
                tree.attribute(place, "unit").unwrap_or_default()
            );
            self.line(element, &tree.path(place), label, &text);
        }
        for holder in tree
            .children(node)
            .filter(|child| matches!(tree.name(*child), "performer" | "author" | "participant"))
            .collect::<Vec<_>>()
        {
            for name in tree.all_below(holder, "**/name") {
                self.line("DE02.01.039.00", &tree.path(name), "人员", tree.text(name));
            }
        }
        if let Some(range) = tree.below(node, "referenceRange/observationRange") {
            let text = values::range(tree, range, "").and_then(|value| range_words(&value));
            self.line("", &tree.path(range), "参考范围", &text.unwrap_or_default());
        }
    }
}

/// `3.5～9.5`, `≥3.5`, or the words of the sender.
fn range_words(range: &serde_json::Value) -> Option<String> {
    if let Some(text) = range.get("text").and_then(serde_json::Value::as_str) {
        return Some(text.to_owned());
    }
    let bound = |name: &str| range.get(name).and_then(|one| one.get("value")).map(ToString::to_string);
    match (bound("low"), bound("high")) {
        (Some(low), Some(high)) => Some(format!("{low}～{high}")),
        (Some(low), None) => Some(format!("≥{low}")),
        (None, Some(high)) => Some(format!("≤{high}")),
        (None, None) => None,
    }
}

fn kind_name(kind: &str) -> &'static str {
    match kind {
        "procedure" => "手术(操作)",
        "substanceAdministration" => "用药",
        "organizer" => "组",
        _ => "内容",
    }
}

/// A time as people read it; anything else as it is.
fn shown(value: &str, name: &str) -> String {
    let timed = ["时间", "日期"].iter().any(|word| name.contains(word));
    match values::moment(value) {
        Some(moment) if timed => readable(&moment.text),
        _ => value.to_owned(),
    }
}

fn readable(text: &str) -> String {
    text.split_once('+').map_or(text, |(local, _)| local).replace('T', " ")
}

//! [`Rules`]: the rules of `standards/quality/` with every name looked up, ready to be asked a million times a second.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use model::{Element, Issue, Severity};
use standards::elements::{self, DataType, Format};
use standards::value_sets::{self, Table};

use crate::chains::{Chain, ChainsFile};
use crate::data::{self, FormatsFile, Measure, OrderFile, PlacesFile, RangesFile, RelationsFile, RequiredFile, Shape};
use crate::when::When;

/// A rule file that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("quality/{file}.toml: {what}")]
pub struct RuleError {
    /// The file.
    pub file: &'static str,
    /// What is wrong with it.
    pub what: String,
}

/// Values of an element that are possible, and that are usual, in some units.
#[derive(Debug, Clone)]
pub(crate) struct Range {
    pub title: String,
    pub units: Vec<String>,
    pub possible: [f64; 2],
    pub usual: [f64; 2],
}

/// One way to be a place: an element whose name in the message fits.
#[derive(Debug, Clone)]
pub(crate) struct PlaceMatch {
    pub place: usize,
    only: Vec<String>,
    except: Vec<String>,
    head: bool,
}

impl PlaceMatch {
    pub(crate) fn fits(&self, element: &Element) -> bool {
        (!self.head || element.group == 0)
            && (self.only.is_empty() || self.only.iter().any(|text| element.name.contains(text)))
            && !self.except.iter().any(|text| element.name.contains(text))
    }
}

/// Everything that is checked on one element.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub title: String,
    pub data_type: DataType,
    pub formats: Vec<Format>,
    pub table: Option<&'static Table>,
    pub shapes: Vec<(Shape, Vec<String>)>,
    pub ranges: Vec<Range>,
    pub places: Vec<PlaceMatch>,
    pub personal: bool,
}

impl Plan {
    /// Whether the value is a day or a moment.
    pub(crate) fn is_time(&self) -> bool {
        matches!(self.data_type, DataType::Day | DataType::Moment)
    }
}

/// What a rule asks for: a place, or an element by its identifier.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Place(usize),
    Element(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Required {
    pub records: Vec<String>,
    pub except: Vec<String>,
    pub any: Vec<Target>,
    pub expected: String,
    pub hint: String,
    pub severity: Option<Severity>,
}

#[derive(Debug, Clone)]
pub(crate) struct Conditional {
    pub records: Vec<String>,
    pub when: usize,
    pub values: Vec<String>,
    pub then: usize,
    pub hint: String,
    pub severity: Option<Severity>,
}

#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub first: usize,
    pub then: Vec<usize>,
    pub tolerance_minutes: i64,
    pub group: bool,
    pub severity: Option<Severity>,
}

#[derive(Debug, Clone)]
pub(crate) struct Past {
    pub places: Vec<usize>,
    pub tolerance_minutes: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Compare {
    pub less: usize,
    pub more: usize,
    pub or_equal: bool,
    pub group: bool,
    pub severity: Option<Severity>,
    pub hint: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Age {
    pub years: usize,
    pub birth: usize,
    pub at: Vec<usize>,
    pub tolerance_years: i64,
    pub hint: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Stay {
    pub days: usize,
    pub from: usize,
    pub to: usize,
    pub tolerance_days: i64,
    pub hint: String,
}

/// The parts of a total: by the dataset's identifier, or by the element with the dataset's name for it.
#[derive(Debug, Clone)]
pub(crate) struct Sum {
    pub total: usize,
    pub parts: Vec<(String, String)>,
    pub tolerance: f64,
    pub hint: String,
}

#[derive(Debug, Clone)]
pub(crate) struct SexDiagnosis {
    pub sex: String,
    pub ranges: Vec<(String, String)>,
    pub hint: String,
}

/// The quality rules, compiled. Make them once ([`Rules::standard`]) and share them.
#[derive(Debug)]
pub struct Rules {
    plans: HashMap<String, Plan>,
    pub(crate) places: Vec<String>,
    place_numbers: HashMap<String, usize>,
    pub(crate) nothing: HashSet<String>,
    pub(crate) nothing_days: Vec<i64>,
    pub(crate) count_bytes: bool,
    pub(crate) words: HashMap<String, Vec<String>>,
    pub(crate) analytes: HashMap<String, Vec<Range>>,
    pub(crate) required: Vec<Required>,
    pub(crate) conditionals: Vec<Conditional>,
    pub(crate) orders: Vec<Order>,
    pub(crate) pasts: Vec<Past>,
    pub(crate) compares: Vec<Compare>,
    pub(crate) ages: Vec<Age>,
    pub(crate) stays: Vec<Stay>,
    pub(crate) sums: Vec<Sum>,
    pub(crate) sex_diagnoses: Vec<SexDiagnosis>,
    pub(crate) chains: Vec<Chain>,
    pub(crate) datasets: HashMap<String, String>,
    pub(crate) known: Known,
    pub(crate) people: data::PeopleFile,
}

/// Places that the code itself asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub name: usize,
    pub sex: usize,
    pub birth: usize,
    pub identity: usize,
    pub identity_type: usize,
    pub diagnosis_code: usize,
    pub item_name: usize,
    pub item_code: usize,
    pub item_value: usize,
    pub item_unit: usize,
}

static STANDARD: LazyLock<Rules> = LazyLock::new(|| {
    // A test compiles the built-in files; should one ever be broken, no rule is better than no program.
    Rules::compile(standards::rules::quality_files()).unwrap_or_else(|_| Rules::empty())
});

impl Rules {
    /// The built-in rules.
    #[must_use]
    pub fn standard() -> &'static Self {
        &STANDARD
    }

    /// Compiles rule files: name (`places`, `formats`, `people`, `required`, `order`, `ranges`, `relations`, `chains`) and TOML text.
    ///
    /// # Errors
    /// The first file that is missing, is not TOML of its shape, or names an element, a place, a format or a rule that is not there.
    pub fn compile(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        let mut rules = Self::empty();
        let places: PlacesFile = data::file(files, "places")?;
        rules.number_places(&places);
        rules.known = rules.known_places()?;
        rules.plan_elements(&places)?;
        rules.widen_formats(data::file(files, "formats")?)?;
        rules.set_ranges(data::file(files, "ranges")?)?;
        rules.people = data::file(files, "people")?;
        rules.set_required(data::file(files, "required")?)?;
        rules.set_orders(data::file(files, "order")?)?;
        rules.set_relations(data::file(files, "relations")?)?;
        let chains: ChainsFile = data::file(files, "chains")?;
        rules.chains = chains.chain;
        if let Some(chain) = rules.chains.iter().find(|chain| standards::rules::rule(&chain.rule).is_none()) {
            return Err(RuleError { file: "chains", what: format!("{} is not in the catalogue of rules", chain.rule) });
        }
        Ok(rules)
    }

    fn empty() -> Self {
        let none = usize::MAX;
        Self {
            plans: HashMap::new(),
            places: Vec::new(),
            place_numbers: HashMap::new(),
            nothing: HashSet::new(),
            nothing_days: Vec::new(),
            count_bytes: false,
            words: HashMap::new(),
            analytes: HashMap::new(),
            people: data::PeopleFile::default(),
            required: Vec::new(),
            conditionals: Vec::new(),
            orders: Vec::new(),
            pasts: Vec::new(),
            compares: Vec::new(),
            ages: Vec::new(),
            stays: Vec::new(),
            sums: Vec::new(),
            sex_diagnoses: Vec::new(),
            chains: Vec::new(),
            datasets: HashMap::new(),
            known: Known {
                name: none,
                sex: none,
                birth: none,
                identity: none,
                identity_type: none,
                diagnosis_code: none,
                item_name: none,
                item_code: none,
                item_value: none,
                item_unit: none,
            },
        }
    }

    fn number_places(&mut self, file: &PlacesFile) {
        for place in &file.place {
            if !self.place_numbers.contains_key(&place.name) {
                self.place_numbers.insert(place.name.clone(), self.places.len());
                self.places.push(place.title.clone());
            }
        }
    }

    fn known_places(&self) -> Result<Known, RuleError> {
        let place = |name| self.place("places", name);
        Ok(Known {
            name: place("name")?,
            sex: place("sex")?,
            birth: place("birth")?,
            identity: place("identity")?,
            identity_type: place("identity-type")?,
            diagnosis_code: place("diagnosis-code")?,
            item_name: place("item-name")?,
            item_code: place("item-code")?,
            item_value: place("item-value")?,
            item_unit: place("item-unit")?,
        })
    }

    fn place(&self, file: &'static str, name: &str) -> Result<usize, RuleError> {
        self.place_numbers
            .get(name)
            .copied()
            .ok_or_else(|| RuleError { file, what: format!("there is no place `{name}`") })
    }

    fn plan_elements(&mut self, file: &PlacesFile) -> Result<(), RuleError> {
        for element in elements::catalogues().iter().flat_map(elements::Catalogue::elements) {
            let plan = Plan {
                title: element.name.clone(),
                data_type: element.data_type,
                formats: element.formats.clone(),
                table: element.table.as_deref().and_then(value_sets::table),
                shapes: Vec::new(),
                ranges: Vec::new(),
                places: Vec::new(),
                personal: file.personal.contains(&element.id),
            };
            self.plans.insert(element.id.clone(), plan);
        }
        for place in &file.place {
            let number = self.place("places", &place.name)?;
            for id in &place.element {
                self.plan_mut("places", id)?.places.push(PlaceMatch {
                    place: number,
                    only: place.only.clone(),
                    except: place.except.clone(),
                    head: place.head,
                });
            }
        }
        Ok(())
    }

    fn plan_mut(&mut self, file: &'static str, id: &str) -> Result<&mut Plan, RuleError> {
        self.plans.get_mut(id).ok_or_else(|| RuleError { file, what: format!("there is no element `{id}`") })
    }

    fn widen_formats(&mut self, file: FormatsFile) -> Result<(), RuleError> {
        let wrong = |what: String| RuleError { file: "formats", what };
        self.count_bytes = file.length == Measure::Bytes;
        self.nothing = file.nothing.into_iter().collect();
        for day in &file.nothing_days {
            let when = When::read(day).map_err(|_| wrong(format!("`{day}` is no day")))?;
            self.nothing_days.push(when.first_day);
        }
        for line in file.format {
            let plan = self.plan_mut("formats", &line.element)?;
            for format in &line.accept {
                plan.formats.push(format.parse().map_err(|problem| wrong(format!("{}: {problem}", line.element)))?);
            }
        }
        for line in file.shape {
            self.plan_mut("formats", &line.element)?.shapes.push((line.shape, line.except));
        }
        for line in file.words {
            if value_sets::table(&line.table).is_none() {
                return Err(wrong(format!("there is no table `{}`", line.table)));
            }
            self.words.insert(line.table, line.words);
        }
        Ok(())
    }

    fn set_ranges(&mut self, file: RangesFile) -> Result<(), RuleError> {
        let sound = |title: &str, possible: [f64; 2], usual: [f64; 2]| {
            let inside = possible[0] <= usual[0] && usual[0] <= usual[1] && usual[1] <= possible[1];
            let what = || format!("{title}: the usual range does not lie in the possible one");
            if inside { Ok(()) } else { Err(RuleError { file: "ranges", what: what() }) }
        };
        for line in file.range {
            sound(&line.title, line.possible, line.usual)?;
            let range = Range { title: line.title, units: line.unit, possible: line.possible, usual: line.usual };
            self.plan_mut("ranges", &line.element)?.ranges.push(range);
        }
        for line in file.analyte {
            sound(&line.title, line.possible, line.usual)?;
            let range = Range { title: line.title, units: line.unit, possible: line.possible, usual: line.usual };
            for name in line.names {
                self.analytes.entry(name).or_default().push(range.clone());
            }
        }
        Ok(())
    }

    fn set_required(&mut self, file: RequiredFile) -> Result<(), RuleError> {
        for line in file.required {
            let mut any = Vec::new();
            let mut titles = Vec::new();
            for name in &line.any {
                if let Some(place) = self.place_numbers.get(name) {
                    any.push(Target::Place(*place));
                    titles.push(self.places[*place].clone());
                } else {
                    titles.push(format!("{}({name})", self.plan_mut("required", name)?.title));
                    any.push(Target::Element(name.clone()));
                }
            }
            self.required.push(Required {
                records: line.records,
                except: line.except,
                any,
                expected: titles.join("或"),
                hint: line.hint,
                severity: line.severity,
            });
        }
        for line in file.conditional {
            let (when, then) = (self.place("required", &line.when)?, self.place("required", &line.then)?);
            self.conditionals.push(Conditional {
                records: line.records,
                when,
                values: line.values,
                then,
                hint: line.hint,
                severity: line.severity,
            });
        }
        self.datasets = file.dataset.into_iter().map(|line| (line.record, line.dataset)).collect();
        Ok(())
    }

    fn set_orders(&mut self, file: OrderFile) -> Result<(), RuleError> {
        for line in file.order {
            let first = self.place("order", &line.first)?;
            let then = line.then.iter().map(|name| self.place("order", name)).collect::<Result<_, _>>()?;
            let (tolerance_minutes, group, severity) = (line.tolerance_minutes, line.group, line.severity);
            self.orders.push(Order { first, then, tolerance_minutes, group, severity });
        }
        for line in file.past {
            let places = line.places.iter().map(|name| self.place("order", name)).collect::<Result<_, _>>()?;
            self.pasts.push(Past { places, tolerance_minutes: line.tolerance_minutes });
        }
        Ok(())
    }

    fn set_relations(&mut self, file: RelationsFile) -> Result<(), RuleError> {
        let place = |rules: &Self, name: &str| rules.place("relations", name);
        for line in file.compare {
            let (less, more) = (place(self, &line.less)?, place(self, &line.more)?);
            let (or_equal, group, severity, hint) = (line.or_equal, line.group, line.severity, line.hint);
            self.compares.push(Compare { less, more, or_equal, group, severity, hint });
        }
        for line in file.age {
            let (years, birth) = (place(self, &line.years)?, place(self, &line.birth)?);
            let at = line.at.iter().map(|name| place(self, name)).collect::<Result<_, _>>()?;
            self.ages.push(Age { years, birth, at, tolerance_years: line.tolerance_years, hint: line.hint });
        }
        for line in file.stay {
            let (days, from, to) = (place(self, &line.days)?, place(self, &line.from)?, place(self, &line.to)?);
            self.stays.push(Stay { days, from, to, tolerance_days: line.tolerance_days, hint: line.hint });
        }
        for line in file.sum {
            let total = place(self, &line.total)?;
            let mut parts = Vec::new();
            for id in line.parts {
                let name = self.dataset_name(&id).ok_or_else(|| RuleError {
                    file: "relations",
                    what: format!("no dataset has the identifier `{id}`"),
                })?;
                parts.push((id, name));
            }
            self.sums.push(Sum { total, parts, tolerance: line.tolerance, hint: line.hint });
        }
        for line in file.sex_diagnosis {
            let ends = |codes: &String| codes.split_once('-').map(|(from, to)| (from.to_owned(), to.to_owned()));
            let ranges: Option<Vec<_>> = line.codes.iter().map(ends).collect();
            let Some(ranges) = ranges else {
                return Err(RuleError { file: "relations", what: "codes are ranges such as C51-C58".to_owned() });
            };
            self.sex_diagnoses.push(SexDiagnosis { sex: line.sex, ranges, hint: line.hint });
        }
        Ok(())
    }

    fn dataset_name(&self, identifier: &str) -> Option<String> {
        let catalogues = elements::catalogues().iter();
        let mut lines = catalogues.flat_map(|one| one.datasets().flat_map(|name| one.dataset(name)));
        lines.find(|line| line.identifier == identifier).map(|line| line.name.clone())
    }

    /// The plan of an element, by identifier.
    pub(crate) fn plan(&self, id: &str) -> Option<&Plan> {
        self.plans.get(id)
    }

    /// Whether a day is one of those that databases put in the place of none.
    pub(crate) fn is_nothing_day(&self, value: &str) -> bool {
        // Of most days the first digits say that they are none of these.
        value.starts_with(['0', '9', '1'])
            && When::read(value).is_ok_and(|when| self.nothing_days.contains(&when.first_day))
    }

    /// Whether a value means that nothing is known.
    pub(crate) fn is_nothing(&self, value: &str) -> bool {
        // The words are short; a long text is not looked up.
        value.is_empty() || (value.len() <= 9 && self.nothing.contains(value))
    }
}

/// An issue of a rule with the severity of the catalogue, at an element.
pub(crate) fn issue_at(rule: &str, severity: Option<Severity>, plan: Option<&Plan>, element: &Element) -> Issue {
    let issue = issue(rule, severity, &element.path).at(element.line, element.column);
    // Numbers of people also stand where they do not belong: in a remark, in the column beside.
    if plan.is_some_and(|plan| plan.personal) || crate::value::holds_personal_number(&element.value) {
        issue.found(&crate::value::masked(&element.value))
    } else {
        issue.found(&element.value)
    }
}

/// An issue of a rule with the severity of the catalogue.
pub(crate) fn issue(rule: &str, severity: Option<Severity>, path: &str) -> Issue {
    let listed = standards::rules::rule(rule).map_or(Severity::Warning, |rule| rule.severity);
    Issue::new(rule, severity.unwrap_or(listed), path)
}

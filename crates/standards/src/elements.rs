//! The catalogue of health data elements (卫生信息数据元目录, WS 363) and the datasets of electronic medical records that use
//! them (电子病历基本数据集, WS 445): what an element is called, what type it has and in which form its value is written.
//!
//! Editions stand side by side: [`Catalogue::parse`] reads the same three files of any edition, and [`catalogues`] lists those
//! that are built in, each with the days on which it was in force.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// What kind of characters a value may hold (representation form, WS/T 303 and WS 363 part 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `A`: letters and Chinese characters. In print also used for texts that hold digits (药物规格 A..20).
    Letters,
    /// `N`: digits, with decimals if the format gives some.
    Digits,
    /// `AN`: any text.
    Text,
    /// `T/F`: yes or no.
    Truth,
    /// `D8`: a day, `YYYYMMDD`.
    Day,
    /// `DT15`: a moment, `YYYYMMDDThhmmss`.
    Moment,
    /// `T6`: a time of day, `hhmmss`.
    Clock,
}

/// A representation format: `AN..18`, `N1..3`, `N..10,2`, `DT15`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// The kind of characters.
    pub shape: Shape,
    /// Fewest characters; 0 when the format gives none.
    pub min: u16,
    /// Most characters.
    pub max: u16,
    /// Digits after the decimal point.
    pub decimals: u8,
}

/// A text that is no representation format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no representation format")]
pub struct NoFormat(String);

impl FromStr for Format {
    type Err = NoFormat;

    fn from_str(text: &str) -> Result<Self, NoFormat> {
        let fixed = |shape, length| Ok(Self { shape, min: length, max: length, decimals: 0 });
        match text {
            "T/F" => return fixed(Shape::Truth, 1),
            "D8" => return fixed(Shape::Day, 8),
            "DT15" => return fixed(Shape::Moment, 15),
            "T6" => return fixed(Shape::Clock, 6),
            _ => {}
        }
        let wrong = || NoFormat(text.to_owned());
        let (shape, rest) = if let Some(rest) = text.strip_prefix("AN") {
            (Shape::Text, rest)
        } else if let Some(rest) = text.strip_prefix('A') {
            (Shape::Letters, rest)
        } else if let Some(rest) = text.strip_prefix('N') {
            (Shape::Digits, rest)
        } else {
            return Err(wrong());
        };
        let (lengths, decimals) = match rest.split_once(',') {
            Some((lengths, decimals)) => (lengths, decimals.parse().map_err(|_| wrong())?),
            None => (rest, 0),
        };
        let number = |digits: &str| digits.parse::<u16>().map_err(|_| wrong());
        let (min, max) = match lengths.split_once("..") {
            Some(("", max)) => (0, number(max)?),
            Some((min, max)) => (number(min)?, number(max)?),
            None => (number(lengths)?, number(lengths)?),
        };
        if min > max || max == 0 { Err(wrong()) } else { Ok(Self { shape, min, max, decimals }) }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.shape {
            Shape::Truth => return to.write_str("T/F"),
            Shape::Day => return to.write_str("D8"),
            Shape::Moment => return to.write_str("DT15"),
            Shape::Clock => return to.write_str("T6"),
            Shape::Letters => "A",
            Shape::Digits => "N",
            Shape::Text => "AN",
        };
        match (self.min, self.max) {
            (min, max) if min == max => write!(to, "{letter}{max}")?,
            (0, max) => write!(to, "{letter}..{max}")?,
            (min, max) => write!(to, "{letter}{min}..{max}")?,
        }
        if self.decimals > 0 { write!(to, ",{}", self.decimals) } else { Ok(()) }
    }
}

/// The data type of an element (数据类型, WS/T 303): how its value is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// `S1`: free text.
    Text,
    /// `S2`: a short list of codes that stands in the element's own definition.
    Enumerated,
    /// `S3`: a code from a value table.
    Coded,
    /// `N`: a number.
    Number,
    /// `D`: a day.
    Day,
    /// `DT`: a moment.
    Moment,
    /// `T`: a time of day.
    Clock,
    /// `L`: yes or no.
    Truth,
    /// `BY`: bytes.
    Bytes,
}

impl DataType {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "S" | "S1" => Self::Text,
            "S2" => Self::Enumerated,
            "S3" => Self::Coded,
            "N" => Self::Number,
            "D" => Self::Day,
            "DT" => Self::Moment,
            "T" => Self::Clock,
            "L" => Self::Truth,
            "BY" => Self::Bytes,
            _ => return None,
        })
    }

    /// Whether the value is a code.
    #[must_use]
    pub fn is_code(self) -> bool {
        matches!(self, Self::Enumerated | Self::Coded)
    }
}

/// A data element (数据元) with everything that the loaded edition says about its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataElement {
    /// `DE02.01.040.00`, or a dataset's own identifier `HDSD00.11.142`.
    pub id: String,
    /// Its name in the catalogue; in a dataset the element may be called otherwise.
    pub name: String,
    /// Its data type.
    pub data_type: DataType,
    /// The formats that are published for it: by the datasets if one of them uses it, else by the catalogue. A value that fits
    /// one of them fits. Empty when the source's format could not be read.
    pub formats: Vec<Format>,
    /// The value table that its codes come from (`CV02.01.101`, `GB/T 2261.1`), if one is known.
    pub table: Option<String>,
}

/// One line of a dataset: where an element is used, under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetLine {
    /// The identifier inside the dataset, `HDSD00.11.142`; it recurs from dataset to dataset.
    pub identifier: String,
    /// The data element, `DE07.00.010.00`.
    pub element: String,
    /// What it is called here: `住院总费用`.
    pub name: String,
    /// Its data type.
    pub data_type: DataType,
    /// Its format here.
    pub format: Option<Format>,
}

/// An edition of the catalogue with the datasets that belong to it.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// `2011`: the year of WS 363.
    pub edition: String,
    /// The first day on which it was in force, `2012-02-01`.
    pub from: String,
    /// The day on which the next edition took its place; `None` while it is in force. Documents go on using it for years.
    pub to: Option<String>,
    elements: BTreeMap<String, DataElement>,
    datasets: BTreeMap<String, Vec<DatasetLine>>,
}

/// A line of an edition's files that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} line {line}: {what}")]
pub struct UnreadableLine {
    /// Which of the three files.
    pub file: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl Catalogue {
    /// Reads an edition from its three tab-separated files: the catalogue (`element name type format table`), the datasets
    /// (`dataset identifier element name type format`) and the value tables of elements (`element table`). Lines that begin
    /// with `#` are headings; trailing empty columns may be left out.
    ///
    /// # Errors
    /// Names the first line whose type or format is not one.
    pub fn parse(
        edition: &str,
        from: &str,
        to: Option<&str>,
        catalogue: &str,
        datasets: &str,
        tables: &str,
    ) -> Result<Self, UnreadableLine> {
        let mut this = Self {
            edition: edition.to_owned(),
            from: from.to_owned(),
            to: to.map(ToOwned::to_owned),
            elements: BTreeMap::new(),
            datasets: BTreeMap::new(),
        };
        for (line, [id, name, data_type, format, table]) in lines(catalogue) {
            let (data_type, format) = type_and_format("catalogue", line, data_type, format)?;
            let table = (!table.is_empty()).then(|| table.to_owned());
            let formats = format.into_iter().collect();
            let element = DataElement { id: id.to_owned(), name: name.to_owned(), data_type, formats, table };
            this.elements.insert(id.to_owned(), element);
        }
        let mut published: BTreeMap<String, DataElement> = BTreeMap::new();
        for (line, [dataset, identifier, element, name, data_type, format]) in lines(datasets) {
            let (data_type, format) = type_and_format("datasets", line, data_type, format)?;
            for id in [element, identifier] {
                let entry = published.entry(id.to_owned()).or_insert_with(|| DataElement {
                    id: id.to_owned(),
                    name: this.elements.get(id).map_or(name, |known| &known.name).to_owned(),
                    data_type,
                    formats: Vec::new(),
                    table: None,
                });
                entry.formats.extend(format.filter(|format| !entry.formats.contains(format)));
                // A place where the element is free text makes its codes optional everywhere: never claim too much.
                if data_type == DataType::Text {
                    entry.data_type = data_type;
                }
            }
            this.datasets.entry(dataset.to_owned()).or_default().push(DatasetLine {
                identifier: identifier.to_owned(),
                element: element.to_owned(),
                name: name.to_owned(),
                data_type,
                format,
            });
        }
        // What the datasets print is cleaner than the catalogue's import and is what documents are made from.
        this.elements.extend(published);
        for (_, [id, table]) in lines(tables) {
            if let Some(element) = this.elements.get_mut(id) {
                element.table = Some(table.to_owned());
            }
        }
        Ok(this)
    }

    /// The element of that identifier: `DE…` of the catalogue, `HDSD…` of a dataset.
    #[must_use]
    pub fn element(&self, id: &str) -> Option<&DataElement> {
        self.elements.get(id)
    }

    /// All elements by identifier.
    pub fn elements(&self) -> impl Iterator<Item = &DataElement> {
        self.elements.values()
    }

    /// The lines of a dataset by its name (`住院病案首页`); empty when there is none.
    #[must_use]
    pub fn dataset(&self, name: &str) -> &[DatasetLine] {
        self.datasets.get(name).map_or(&[], Vec::as_slice)
    }

    /// The names of the datasets.
    pub fn datasets(&self) -> impl Iterator<Item = &str> {
        self.datasets.keys().map(String::as_str)
    }
}

fn type_and_format(
    file: &'static str,
    line: usize,
    data_type: &str,
    format: &str,
) -> Result<(DataType, Option<Format>), UnreadableLine> {
    let wrong = |what: String| UnreadableLine { file, line, what };
    let data_type = DataType::parse(data_type).ok_or_else(|| wrong(format!("`{data_type}` is no data type")))?;
    let format = match format {
        "" => None,
        text => Some(text.parse().map_err(|problem: NoFormat| wrong(problem.to_string()))?),
    };
    Ok((data_type, format))
}

/// The lines of a tab-separated file with their numbers; columns that are not there are empty.
pub(crate) fn lines<const COLUMNS: usize>(text: &str) -> impl Iterator<Item = (usize, [&str; COLUMNS])> {
    text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty()).map(|(number, line)| {
        let mut columns = [""; COLUMNS];
        for (column, value) in columns.iter_mut().zip(line.split('\t')) {
            *column = value;
        }
        (number + 1, columns)
    })
}

static CATALOGUES: LazyLock<Vec<Catalogue>> = LazyLock::new(|| {
    // The tests read every built-in edition; a file that cannot be read leaves its edition out instead of stopping the program.
    Catalogue::parse(
        "2011",
        "2012-02-01",
        Some("2024-04-01"),
        include_str!("../../../standards/facts/ws363/2011.tsv"),
        include_str!("../../../standards/facts/ws445/2014.tsv"),
        include_str!("../../../standards/facts/ws445/element-tables.tsv"),
    )
    .into_iter()
    .collect()
});

/// The built-in editions, oldest first.
#[must_use]
pub fn catalogues() -> &'static [Catalogue] {
    &CATALOGUES
}

/// The element of that identifier in the newest built-in edition that has it.
#[must_use]
pub fn element(id: &str) -> Option<&'static DataElement> {
    CATALOGUES.iter().rev().find_map(|catalogue| catalogue.element(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_format_is_read_and_written_back() {
        for text in ["A..50", "AN10", "AN..18", "N1", "N1..3", "N..10,2", "N3..6,2", "N4,1", "T/F", "D8", "DT15", "T6"]
        {
            assert_eq!(text.parse::<Format>().expect(text).to_string(), text);
        }
        for text in ["", "X1", "N", "N0", "N3..1", "AN..", "N..1,x", "AN..20..20", "A-1"] {
            assert!(text.parse::<Format>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_built_in_edition_is_whole() {
        assert_eq!(catalogues().len(), 1);
        let catalogue = &catalogues()[0];
        assert!(catalogue.elements().filter(|element| element.id.starts_with("DE")).count() > 1_671);
        assert_eq!(catalogue.datasets().count(), 60);
        assert_eq!(catalogue.dataset("住院病案首页").len(), 148);
        for element in catalogue.elements() {
            let table = element.table.as_deref();
            assert!(table.is_none_or(|table| crate::value_sets::table(table).is_some()), "{element:?}");
        }
    }

    #[test]
    fn what_the_datasets_print_goes_before_the_catalogue() {
        // The imported catalogue calls this number 出生地类别代码; the datasets use it for the employer's name.
        let employer = element("DE02.01.004.00").expect("an element");
        assert_eq!((employer.data_type, employer.table.as_deref()), (DataType::Text, None));
        let sex = element("DE02.01.040.00").expect("an element");
        assert_eq!((sex.data_type, sex.table.as_deref()), (DataType::Coded, Some("GB/T 2261.1")));
        assert_eq!(element("HDSD00.11.142").expect("an element").formats[0].to_string(), "N..10,2");
        assert!(element("DE99.99.999.99").is_none());
    }
}

//! What the words of an allergy history (过敏史) say: that there is none, which substances, or nothing either way.
//!
//! A text is read clause by clause, because a denial of one thing may stand before the naming of another (否认药物过敏史，对海鲜过敏).
//! Where both stand in one text, or where it cannot be taken apart, the whole text is the finding: a doctor reads it, nothing is
//! hidden. The words are data, `standards/front-page/allergies.toml`.

use standards::front_page::front_page;

/// Words without what differs between two spellings of the same: spaces, width, case.
#[must_use]
pub fn plain(words: &str) -> String {
    let narrow = words.chars().filter(|it| !it.is_whitespace()).map(|it| match it {
        '（' => '(',
        '）' => ')',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(it) - 0xfee0).unwrap_or(it),
        _ => it,
    });
    narrow.flat_map(char::to_lowercase).collect()
}

/// What the words of an allergy history say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum History {
    /// Nothing, either way.
    Unknown,
    /// There is no allergy.
    Denied,
    /// These substances, as a page calls them; or the whole text, where it is no list of substances.
    Substances(Vec<String>),
}

/// A substance has a name, not a sentence: longer parts leave the text whole.
const NAME_CHARACTERS_MAX: usize = 16;
/// Between clauses. A list of substances has 、, which does not end a denial.
const CLAUSE_ENDS: [char; 7] = ['，', ',', '；', ';', '。', '\n', '．'];

/// Reads the words of an allergy (过敏) or of a history of allergies (过敏史).
#[must_use]
pub fn allergy(text: &str) -> History {
    let text = without_heading(text.trim().trim_end_matches(['。', '.', '．']).trim());
    if text.is_empty() || is_among(&front_page().allergies.unknown, text) {
        return History::Unknown;
    }
    let clauses: Vec<&str> = text.split(CLAUSE_ENDS).map(str::trim).filter(|clause| !clause.is_empty()).collect();
    let (denying, others): (Vec<&str>, Vec<&str>) = clauses.into_iter().partition(|clause| is_denial(clause));
    if denying.is_empty() {
        return named(text);
    }
    // Beside a denial only what speaks of an allergy is one: 否认药物过敏史，有输血史 is none.
    let naming: Vec<&str> = others.into_iter().filter(|clause| speaks_of_allergy(clause)).collect();
    if naming.is_empty() { History::Denied } else { History::Substances(vec![text.to_owned()]) }
}

/// The substances of a text in which nothing is denied.
fn named(text: &str) -> History {
    let rules = &front_page().allergies;
    let whole = || History::Substances(vec![text.to_owned()]);
    let turns = rules.turns.iter().any(|word| text.contains(word.as_str()));
    if turns || text.contains(['。', '：', ':', '\n']) {
        return whole();
    }
    let mut parts = vec![text];
    for between in &rules.between {
        parts = parts.into_iter().flat_map(|part| part.split(between.as_str())).collect();
    }
    let names: Vec<String> = parts.iter().map(|part| substance(part)).filter(|name| !name.is_empty()).collect();
    if names.is_empty() || (names.len() > 1 && names.iter().any(|name| name.chars().count() > NAME_CHARACTERS_MAX)) {
        return whole();
    }
    let said: Vec<String> = names.into_iter().filter(|name| !is_among(&rules.unknown, name)).collect();
    if said.is_empty() { History::Unknown } else { History::Substances(said) }
}

fn is_among(list: &[String], text: &str) -> bool {
    list.iter().any(|word| word == text)
}

/// A text without what stands before its statement: 过敏史：, 患者, 既往.
fn without_heading(text: &str) -> &str {
    let rules = &front_page().allergies;
    let mut rest = text;
    loop {
        let headed =
            rules.headings.iter().find_map(|word| rest.strip_prefix(word.as_str())?.trim().strip_prefix(['：', ':']));
        let bare = headed.or_else(|| rules.speakers.iter().find_map(|word| rest.strip_prefix(word.as_str())));
        match bare.map(str::trim) {
            Some(bare) if !bare.is_empty() => rest = bare,
            _ => return rest,
        }
    }
}

/// Whether a clause denies, and names nothing in the same breath (否认药物过敏但青霉素皮试阳性, 除青霉素外无过敏).
fn is_denial(clause: &str) -> bool {
    let rules = &front_page().allergies;
    let clause = without_heading(clause);
    if is_among(&rules.denied, clause) {
        return true;
    }
    let begins = |list: &[String]| list.iter().any(|word| clause.starts_with(word.as_str()));
    // 无青霉素过敏史 denies, 无花果过敏 does not.
    let is_without = clause.starts_with('无') && clause.contains("过敏") && !begins(&rules.substances_in_wu);
    (begins(&rules.denied_begins) || is_without) && !rules.turns.iter().any(|word| clause.contains(word.as_str()))
}

fn speaks_of_allergy(clause: &str) -> bool {
    let rules = &front_page().allergies;
    clause.starts_with('对') || rules.turns.iter().chain(&rules.signs).any(|word| clause.contains(word.as_str()))
}

/// 青霉素 of 对青霉素过敏.
fn substance(part: &str) -> String {
    let rules = &front_page().allergies;
    let mut rest = part.trim();
    loop {
        let behind = rules.after.iter().find_map(|word| rest.strip_suffix(word.as_str()));
        let bare = behind.or_else(|| rules.before.iter().find_map(|word| rest.strip_prefix(word.as_str())));
        match bare.map(str::trim) {
            Some(bare) if !bare.is_empty() => rest = bare,
            _ => break,
        }
    }
    let name = plain(rest);
    let known = rules.same.iter().find(|names| names.iter().any(|one| plain(one) == name));
    known.and_then(|names| names.first()).map_or_else(|| rest.to_owned(), Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substances(names: &[&str]) -> History {
        History::Substances(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn words_around_a_substance_are_taken_away() {
        let cases: &[(&str, &[&str])] = &[
            ("青霉素", &["青霉素"]),
            ("青霉素过敏", &["青霉素"]),
            ("对青霉素过敏。", &["青霉素"]),
            ("既往盘尼西林过敏史", &["青霉素"]),
            ("有机磷过敏", &["有机磷"]),
            ("磺胺类药物过敏", &["磺胺类"]),
            ("头孢菌素类过敏史", &["头孢类"]),
            ("青霉素、磺胺过敏", &["青霉素", "磺胺类"]),
            ("无花果过敏", &["无花果"]),
            // Nothing would be left: the words stay.
            ("药物过敏", &["药物"]),
            ("过敏", &["过敏"]),
            ("注射头孢后出现皮疹。停药后消退", &["注射头孢后出现皮疹。停药后消退"]),
            ("Allergy to mould", &["Allergy to mould"]),
        ];
        for (text, names) in cases {
            assert_eq!(allergy(text), substances(names), "{text}");
        }
    }

    #[test]
    fn what_is_named_beside_a_denial_is_not_hidden() {
        for text in [
            "否认药物过敏史，对海鲜过敏",
            "未发现药物过敏，青霉素皮试阳性",
            "青霉素过敏，否认食物过敏",
            "否认食物过敏。磺胺过敏",
            "否认药物过敏但青霉素皮试阳性，已停用过敏药物",
        ] {
            assert_eq!(allergy(text), substances(&[text]), "{text}");
        }
        assert_eq!(allergy("除青霉素外无药物过敏"), substances(&["除青霉素外无药物过敏"]));
        assert_eq!(allergy("过敏史：青霉素、磺胺"), substances(&["青霉素", "磺胺类"]));
        assert_eq!(allergy("患者对海鲜过敏"), substances(&["海鲜"]));
        assert_eq!(allergy("青霉素、不详"), substances(&["青霉素"]));
    }

    #[test]
    fn a_denial_is_no_allergy_and_not_knowing_is_no_denial() {
        for text in [
            "无",
            "否认药物及食物过敏史",
            "无药物过敏史",
            "未发现过敏",
            " 否认。",
            "-",
            // Behind a heading, or behind who says it.
            "过敏史：无",
            "药物过敏史: 否认",
            "既往无药物过敏史",
            "患者否认药物过敏史",
            "无青霉素过敏史",
            "本人自述无过敏史",
            // Beside what is no allergy.
            "否认药物过敏史，否认输血史",
            "否认食物、药物过敏史，有手术史",
            "否认药物过敏史，青霉素皮试阴性",
        ] {
            assert_eq!(allergy(text), History::Denied, "{text}");
        }
        for text in ["不详", "", "  ", "/", "未知"] {
            assert_eq!(allergy(text), History::Unknown, "{text}");
        }
    }
}

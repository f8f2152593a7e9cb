/** Words of the front page where many sources say the same: both languages beside each other. */
export const front = {
  "front.said": ["{n} 次记录", "{n} entries"],
  "front.since": ["{date} 起", "since {date}"],
  "front.places": ["{name}等 {n} 家机构", "{name} and others, {n} institutions"],
  "front.originals": ["记录与原文（{n} 条）", "Entries with their originals ({n})"],
  "front.place.unknown": ["来源机构未记录", "institution not stated"],

  "allergies.unnamed": ["有过敏史，未写明过敏物", "Allergic, substance not stated"],
  "allergies.refuted": ["{place}：已排除（{date}）", "{place}: ruled out ({date})"],
  "allergies.denied": ["否认过敏史", "Allergies denied"],
  "allergies.denied.against": ["记录不一致，请向本人核实", "The records disagree: ask the person"],
  "allergies.denied.place": ["{place} {n} 次，最近 {date}", "{place}: {n}, last {date}"],
  "status.refuted": ["已排除", "Ruled out"],

  "blood.rh.positive": ["Rh 阳性", "Rh positive"],
  "blood.rh.negative": ["Rh 阴性", "Rh negative"],
  "blood.disagree": ["{types}（来源不一致）", "{types} (sources disagree)"],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

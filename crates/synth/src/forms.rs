//! The tables that the senders export: their file names and columns, and a row under construction.

use std::borrow::Cow;

/// A table.
pub(crate) struct Form {
    /// The id of the mapping in `standards/tables/`.
    pub id: &'static str,
    /// How its files begin.
    pub file: &'static str,
    /// 业务类型 in the 日终对账.
    pub title: &'static str,
    pub columns: &'static [&'static str],
}

/// Every table, in the order in which the files of a day are sent: a patient is known before its visits.
pub(crate) static FORMS: [Form; 12] = [
    Form {
        id: "patient",
        file: "TB_PATIENT_INFO",
        title: "患者基本信息",
        columns: &[
            "YLJGDM", "BRID", "KH", "KLX", "HZXM", "XBDM", "CSRQ", "ZJLXDM", "ZJHM", "LXDH", "DZSHENG", "DZSHI",
            "DZXIAN", "DZXIANG", "DZCUN", "DZMPH", "MZDM", "HYZKDM", "ZYLBDM", "LXRXM", "LXRDH", "XGBZ", "GXSJ",
        ],
    },
    Form {
        id: "registration",
        file: "TB_HIS_MZ_Reg",
        title: "门诊挂号",
        columns: &[
            "YLJGDM", "YQDM", "JZLSH", "MZZYBZ", "BRID", "KH", "KLX", "HZXM", "XBDM", "CSRQ", "ZJLXDM", "ZJHM", "LXDH",
            "XZZ", "GHSJ", "GTHBZ", "THSJ", "KSDM", "KSMC", "YSGH", "YSXM", "XGBZ", "RJRQ", "GXSJ",
        ],
    },
    Form {
        id: "outpatient_record",
        file: "TB_YL_MZ_Medical_Record",
        title: "门诊病历",
        columns: &[
            "YLJGDM", "YQDM", "JZLSH", "MZZYBZ", "BRID", "HZXM", "XBDM", "CSRQ", "JZRQSJ", "ZS", "XBS", "GMS", "TGJC",
            "TW", "MB", "HXPL", "SSY", "SZY", "ZDDM", "ZDMC", "ZYBMDM", "ZYBMMC", "ZYZHDM", "ZYZHMC", "ZZZF", "KSDM",
            "KSMC", "YSGH", "YSXM", "XGBZ", "RJRQ", "GXSJ",
        ],
    },
    Form {
        id: "lab_report",
        file: "TB_LIS_Report",
        title: "检验报告",
        columns: &[
            "YLJGDM", "YQDM", "JZLSH", "MZZYBZ", "BRID", "HZXM", "BGDH", "BGRQ", "BGSJ", "BGLB", "BGMC", "BBH", "BBLB",
            "CYSJ", "SQDH", "SQYSGH", "SQYSXM", "BGYSGH", "BGYSXM", "BGZT", "XGBZ", "RJRQ", "GXSJ",
        ],
    },
    Form {
        id: "lab_item",
        file: "TB_LIS_Indicators",
        title: "检验结果指标",
        columns: &[
            "YLJGDM", "YQDM", "JZLSH", "MZZYBZ", "BRID", "BGDH", "BGRQ", "JCXH", "JCXMDM", "JCXMMC", "JCJG", "JLDW",
            "CKFW", "YCTS", "JCSJ", "JCRGH", "JCRXM", "XGBZ", "RJRQ", "GXSJ",
        ],
    },
    Form {
        id: "prescription",
        file: "TB_CIS_PRESCRIPTION",
        title: "门诊处方",
        columns: &[
            "YLJGDM", "YQDM", "JZLSH", "MZZYBZ", "BRID", "HZXM", "CFBH", "CFMXBH", "CFZT", "CFKLSJ", "CFLB", "YPDM",
            "YPMC", "YPGG", "MCSL", "MCDW", "PCDM", "PCMC", "TJDM", "TJMC", "YYTS", "ZSL", "ZSLDW", "ZYJS", "ZYJZF",
            "ZDDM", "ZDMC", "KSDM", "KSMC", "YSGH", "YSXM", "XGBZ", "RJRQ", "GXSJ",
        ],
    },
    Form {
        id: "charge",
        file: "TB_HIS_MZ_CHARGE",
        title: "收退费明细",
        columns: &[
            "YLJGDM", "YQDM", "JZLSH", "MZZYBZ", "BRID", "SFTFBH", "TFBZ", "MXXH", "YSFBH", "YMXXH", "SFTFSJ", "FYLB",
            "XMDM", "XMMC", "DJ", "SL", "DW", "JE", "XGBZ", "RJRQ", "GXSJ",
        ],
    },
    Form {
        id: "discharge_summary",
        file: "TB_CIS_LeaveHospital_Summary",
        title: "出院小结",
        columns: &[
            "YLJGDM", "YQDM", "JZLSH", "ZYH", "BAH", "BRID", "HZXM", "XBDM", "CSRQ", "ZJLXDM", "ZJHM", "LXDH", "XZZ",
            "RYSJ", "CYSJ", "SJZYTS", "BQMC", "BFH", "BCH", "RYQK", "ZLGC", "CYQK", "CYYZ", "ZLJGDM", "RYZDDM",
            "RYZDMC", "CYZDDM", "CYZDMC", "SSDM", "SSMC", "SSSJ", "KSDM", "KSMC", "YSGH", "YSXM", "XGBZ", "RJRQ",
            "GXSJ",
        ],
    },
    Form {
        id: "physical",
        file: "TB_JKTJ",
        title: "健康体检",
        columns: &[
            "YLJGDM", "TJBH", "BRID", "HZXM", "XBDM", "CSRQ", "TJRQ", "SG", "TZ", "BMI", "MB", "SSY", "SZY", "KFXT",
            "ABOXX", "RHXX", "YSGH", "YSXM", "XGBZ", "RJRQ", "GXSJ",
        ],
    },
    Form {
        id: "follow_up",
        file: "TB_MBSF",
        title: "慢病随访",
        columns: &[
            "YLJGDM", "SFBH", "SFLX", "BRID", "HZXM", "XBDM", "CSRQ", "SFRQ", "SFFS", "TZ", "SSY", "SZY", "KFXT",
            "FYYCX", "XCSFRQ", "YSGH", "YSXM", "XGBZ", "RJRQ", "GXSJ",
        ],
    },
    Form {
        id: "contract",
        file: "TB_JTYS_CONTRACT",
        title: "家庭医生签约",
        columns: &[
            "YLJGDM", "QYBH", "BRID", "HZXM", "XBDM", "CSRQ", "QYRQ", "DQRQ", "TDMC", "QYZT", "YSGH", "YSXM", "XGBZ",
            "RJRQ", "GXSJ",
        ],
    },
    Form {
        id: "vaccination",
        file: "TB_YFJZ",
        title: "预防接种",
        columns: &[
            "YLJGDM", "YFJZBH", "BRID", "HZXM", "XBDM", "CSRQ", "JZRQ", "YMDM", "YMMC", "JC", "YMLB", "FBJB", "YMPH",
            "YXQ", "SCQY", "JZBW", "JZTJ", "JZJL", "BLBZ", "YSGH", "YSXM", "XGBZ", "RJRQ", "GXSJ",
        ],
    },
];

/// Position of a table in [`FORMS`].
pub(crate) fn form(id: &str) -> usize {
    FORMS.iter().position(|form| form.id == id).unwrap_or(0)
}

/// A row under construction: one cell per column of the form.
pub(crate) struct Row {
    pub form: usize,
    cells: Vec<Cow<'static, str>>,
}

impl Row {
    pub fn new(form: usize) -> Self {
        Self { form, cells: vec![Cow::Borrowed(""); FORMS[form].columns.len()] }
    }

    fn at(&self, column: &str) -> Option<usize> {
        FORMS[self.form].columns.iter().position(|name| *name == column)
    }

    /// What the row says in a column; empty when the form does not have it.
    pub fn get(&self, column: &str) -> &str {
        self.at(column).map_or("", |at| &self.cells[at])
    }

    /// Sets a cell; a column that the form does not have is left out.
    pub fn set(&mut self, column: &str, value: impl Into<Cow<'static, str>>) -> &mut Self {
        if let Some(at) = self.at(column) {
            self.cells[at] = value.into();
        }
        self
    }

    /// The line without its end, and without 填报日期, which is added when it is sent. `is_unquoted` leaves a comma in a text alone.
    pub fn line(&self, is_unquoted: bool) -> Vec<u8> {
        let mut line = Vec::with_capacity(256);
        for (at, cell) in self.cells.iter().enumerate() {
            if at > 0 {
                line.push(b',');
            }
            let needs = cell.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'));
            if needs && !is_unquoted {
                line.push(b'"');
                line.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
                line.push(b'"');
            } else {
                line.extend_from_slice(cell.as_bytes());
            }
        }
        line
    }
}

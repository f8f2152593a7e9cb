import type { ThemeConfig } from "antd";

/** The fonts of the reader's own system: nothing is fetched, and Chinese is set in the system's face. */
const FONTS = `"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", system-ui, sans-serif`;

/** Ant Design in our colours; `style.css` names the same ones. */
export const theme: ThemeConfig = {
  token: {
    colorPrimary: "#0b6570",
    colorInfo: "#0b6570",
    colorLink: "#0b6570",
    colorInfoBg: "#e9f4f5",
    colorInfoBorder: "#a9cfd3",
    colorError: "#b3261e",
    colorErrorBg: "#fdefed",
    colorErrorBorder: "#e6b4af",
    colorText: "#17262e",
    colorTextSecondary: "#4a5c66",
    colorTextTertiary: "#5c6e78",
    colorTextPlaceholder: "#67787f",
    colorBorder: "#b9c6cc",
    colorBorderSecondary: "#dfe6e9",
    colorBgMask: "rgb(16 40 48 / 28%)",
    borderRadius: 6,
    fontFamily: FONTS,
    fontSize: 14,
    controlHeight: 36,
  },
  components: {
    Button: { primaryShadow: "none", defaultShadow: "none" },
    Skeleton: { blockRadius: 4 },
  },
};

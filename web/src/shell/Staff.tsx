/** Ant Design in our words and colours: only the entries for staff load it. */

import { ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import type { ReactNode } from "react";

import { useSpeak } from "./context.ts";
import { theme } from "./theme.ts";

export function Staff({ children }: { children: ReactNode }) {
  const speak = useSpeak();
  return (
    <ConfigProvider locale={speak.language === "zh" ? zhCN : enUS} theme={theme} button={{ autoInsertSpace: false }}>
      {children}
    </ConfigProvider>
  );
}

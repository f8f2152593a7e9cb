/** 家庭医生: their residents, the lists of the day, and the records. */

import "../styles/table.css";
import "../styles/record.css";

import { care } from "../api/care.ts";
import { Contracts } from "../pages/care/Contracts.tsx";
import { titleOfList } from "../pages/care/ListCards.tsx";
import { ListPage } from "../pages/care/ListPage.tsx";
import { Missing } from "../pages/Missing.tsx";
import PersonPages from "../pages/PersonPages.tsx";
import PersonSearch from "../pages/PersonSearch.tsx";
import { useSpeak } from "../shell/context.ts";
import { Frame } from "../shell/Frame.tsx";
import { href, isPersonTab, usePath } from "../shell/route.ts";
import { Staff } from "../shell/Staff.tsx";
import { useLoad } from "../shell/useLoad.ts";

/** Lists that have a place of their own in the menu; the others are reached from the first page. */
const IN_MENU = ["follow-up-due", "blood-pressure-above-target"];

export default function FamilyDoctor() {
  const speak = useSpeak();
  const path = usePath();
  const lists = useLoad("lists of the menu", (signal) => care.lists(signal));
  const inMenu = lists.value?.lists.filter((list) => IN_MENU.includes(list.id)) ?? [];
  return (
    <Staff>
      <Frame
        nav={[
          { href: href(), label: speak("contracts.title"), current: path?.length === 0 },
          ...inMenu.map((list) => ({
            href: href("lists", list.id),
            label: titleOfList(list, speak),
            current: path?.[0] === "lists" && path[1] === list.id,
          })),
          {
            href: href("persons"),
            label: speak("nav.search"),
            current: path?.[0] === "persons" && path.length === 1,
          },
        ]}
      >
        <Pages />
      </Frame>
    </Staff>
  );
}

function Pages() {
  const [first, second, tab = "record", ...rest] = usePath() ?? ["?"];
  if (rest.length > 0) return <Missing />;
  if (first === undefined) return <Contracts />;
  if (first === "lists" && second !== undefined) return <ListPage key={second} id={second} />;
  if (first !== "persons" || !isPersonTab(tab)) return <Missing />;
  return second === undefined ? <PersonSearch /> : <PersonPages key={second} person={second} page={tab} />;
}

/** Options in their sections, as a search leaves them. */
import type { SettingAnswer } from "./answers.js";

export function groupSettings(
  settings: readonly SettingAnswer[],
  search: string,
  isChanged: boolean,
): readonly (readonly [section: string, settings: readonly SettingAnswer[]])[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<string, SettingAnswer[]>();
  for (const setting of settings) {
    const text = `${setting.option} ${setting.doc} ${setting.section}`.toLowerCase();
    if ((isChanged && setting.is_default) || !words.every((word) => text.includes(word))) continue;
    const group = groups.get(setting.section);
    if (group) group.push(setting);
    else groups.set(setting.section, [setting]);
  }
  return [...groups];
}

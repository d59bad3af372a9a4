/** The channels with subscribers, by name, page by page: the server looks through all of them, and sends one page. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { useChanges } from "../../showcase/shared/hooks.js";
import type { ChannelsAnswer } from "../model/answers.js";
import { type ChannelList, toChannelList, toPattern } from "../model/channels.js";
import { formatCount, formatExact } from "../model/format.js";
import { Pages } from "../model/pages.js";
import { linkTo } from "../model/place.js";
import { replacePlace, useResource, useSettled } from "./hooks.js";
import { ChannelLink, Empty, Loading, Pager, ViewHead, type ViewProps } from "./parts.js";

const pageSize = 50;

export function ChannelsView({ api, search: given }: ViewProps & { search: string }) {
  const [text, setText] = useState(given);
  const search = useSettled(text);
  const pages = useMemo(() => new Pages(), []);
  useChanges(pages);
  useEffect(() => {
    pages.reset();
    replacePlace(linkTo("channels", "", { search }));
  }, [search]);
  const { after, number } = pages;
  const list = useResource<ChannelList>(
    `${search} ${after}`,
    async (signal, before) => {
      const pattern = toPattern(search);
      const params = {
        limit: pageSize,
        positions: true,
        ...(pattern && { pattern }),
        ...(after && { after }),
      };
      return toChannelList(await api.call<ChannelsAnswer>("channels", params, signal), Date.now(), before);
    },
    4000,
  );
  const { value } = list;
  const isExact = search !== "" && !/[*?]/.test(search);
  return (
    <>
      <ViewHead title="Channels" />
      <div class="filters">
        <label class="filter wide">
          <span class="label">Search by name</span>
          <input
            type="search"
            class="field"
            autocapitalize="off"
            spellcheck={false}
            placeholder="lobby, or chat:*"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <p class="small soft filter-hint">
          These have subscribers now. A channel that has none is found by its whole name
          {isExact && (
            <>
              : <ChannelLink name={search.trim()} />
            </>
          )}
          .
        </p>
      </div>
      <Loading resource={list} what="channels" />
      {value?.channels.length === 0 && (
        <Empty>
          {search === "" ? "Nobody is subscribed to any channel." : "No channel with subscribers matches."}
        </Empty>
      )}
      {value && value.channels.length > 0 && (
        <div class="table-frame">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Channel</th>
                <th scope="col" class="number">
                  Readers
                </th>
                <th scope="col" class="number">
                  Head
                </th>
                <th scope="col" class="number">
                  Per second
                </th>
                <th scope="col">Epoch</th>
              </tr>
            </thead>
            <tbody>
              {value.channels.map(({ name, readers, offset, epoch, rate }) => (
                <tr key={name}>
                  <th scope="row">
                    <ChannelLink name={name} />
                  </th>
                  <td class="number" data-label="Readers">
                    {formatExact(readers)}
                  </td>
                  <td class="number" data-label="Head">
                    {offset === undefined ? "–" : formatExact(offset)}
                  </td>
                  <td class="number" data-label="Per second">
                    {rate === undefined ? "–" : formatCount(rate)}
                  </td>
                  <td class="code soft" data-label="Epoch">
                    {epoch || "–"}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Pager
        number={number}
        next={value?.next}
        onBack={() => pages.back()}
        onForth={(next) => pages.forth(next)}
      />
    </>
  );
}

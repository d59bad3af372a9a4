/** What is to be measured: a preset, or each setting by hand. */
import { type LabTransport, labTransports, transportInfo } from "@holdfast/lab/report";
import { useState } from "preact/hooks";
import type { LabRequest, ReaderKind } from "../model/lab.js";
import {
  type NumberField,
  networkFields,
  type Preset,
  presets,
  requestProblem,
  trafficFields,
  usersField,
} from "../model/lab-request.js";
import { browserTransports } from "../server/protocol.js";

export interface SettingsFormProps {
  isRunning: boolean;
  onRun: (kind: ReaderKind, request: LabRequest) => void;
  onStop: () => void;
}

const [first] = presets as readonly [Preset, ...Preset[]];

export function SettingsForm({ isRunning, onRun, onStop }: SettingsFormProps) {
  const [kind, setKind] = useState<ReaderKind>("browser");
  const [request, setWish] = useState<LabRequest>(first.request);
  const [preset, setPreset] = useState(first.name);
  const choices = kind === "browser" ? browserTransports : labTransports;
  const problem = requestProblem(request);
  const change = (part: Partial<LabRequest>) => {
    setWish({ ...request, ...part });
    setPreset("own");
  };
  const choose = (name: string) => {
    setPreset(name);
    const found = presets.find((each) => each.name === name);
    if (found) setWish({ ...found.request, transports: choices });
  };
  const chooseKind = (next: ReaderKind) => {
    setKind(next);
    setWish({ ...request, transports: next === "browser" ? browserTransports : labTransports });
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (isRunning) onStop();
    else if (problem === undefined) onRun(kind, request);
  };
  return (
    <form class="panel lab-form" onSubmit={submit} noValidate aria-label="Settings">
      <fieldset disabled={isRunning}>
        <legend class="unseen">What to measure</legend>
        <label class="lab-field wide">
          <span>Preset</span>
          <select class="field" value={preset} onChange={(event) => choose(event.currentTarget.value)}>
            {presets.map(({ name, title }) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
            <option value="own">Custom</option>
          </select>
        </label>
        <div class="lab-kinds" role="radiogroup" aria-label="Who reads">
          <Kind
            kind="browser"
            chosen={kind}
            onChoose={chooseKind}
            title="This browser"
            text="all side by side, live"
          />
          <Kind
            kind="users"
            chosen={kind}
            onChoose={chooseKind}
            title="Many users"
            text="one transport after the other"
          />
        </div>
        <div class="lab-fields">
          {trafficFields.map((field) => (
            <NumberInput key={field.name} field={field} request={request} onChange={change} />
          ))}
          {kind === "users" && <NumberInput field={usersField} request={request} onChange={change} />}
        </div>
        <details class="lab-more">
          <summary>Network and transports</summary>
          <div class="lab-fields">
            {networkFields.map((field) => (
              <NumberInput key={field.name} field={field} request={request} onChange={change} />
            ))}
          </div>
          <label class="lab-check">
            <input
              type="checkbox"
              checked={request.isTwoWay}
              onChange={(event) => change({ isTwoWay: event.currentTarget.checked })}
            />
            clients also send (for the verdict)
          </label>
          <TransportChoice
            choices={choices}
            chosen={request.transports}
            onChange={(transports) => change({ transports })}
          />
        </details>
      </fieldset>
      <p class="field-problem" role="alert">
        {problem}
      </p>
      <button
        type="submit"
        class={isRunning ? "button" : "button primary"}
        aria-disabled={problem !== undefined}
      >
        {isRunning ? "Stop" : "Measure"}
      </button>
    </form>
  );
}

interface KindProps {
  kind: ReaderKind;
  chosen: ReaderKind;
  onChoose: (kind: ReaderKind) => void;
  title: string;
  text: string;
}

function Kind({ kind, chosen, onChoose, title, text }: KindProps) {
  return (
    <label class={kind === chosen ? "lab-kind chosen" : "lab-kind"}>
      <input type="radio" name="kind" checked={kind === chosen} onChange={() => onChoose(kind)} />
      <span>
        <strong>{title}</strong> <span class="soft small">{text}</span>
      </span>
    </label>
  );
}

interface NumberInputProps {
  field: NumberField;
  request: LabRequest;
  onChange: (part: Partial<LabRequest>) => void;
}

function NumberInput({ field, request, onChange }: NumberInputProps) {
  const { name, label, unit, min, max, step, factor } = field;
  return (
    <label class="lab-field">
      <span>{label}</span>
      <span class="lab-input">
        <input
          class="field"
          type="number"
          inputmode="decimal"
          min={min}
          max={max}
          step={step}
          value={request[name] / factor}
          onInput={(event) => {
            const shown = event.currentTarget.valueAsNumber;
            onChange({ [name]: factor === 1 ? shown : Math.round(shown * factor) });
          }}
        />
        <span class="soft small">{unit}</span>
      </span>
    </label>
  );
}

interface TransportChoiceProps {
  choices: readonly LabTransport[];
  chosen: readonly LabTransport[];
  onChange: (transports: readonly LabTransport[]) => void;
}

function TransportChoice({ choices, chosen, onChange }: TransportChoiceProps) {
  return (
    <fieldset class="lab-transports">
      <legend>Transports</legend>
      {choices.map((transport) => (
        <label key={transport} class="lab-check">
          <input
            type="checkbox"
            checked={chosen.includes(transport)}
            onChange={(event) => {
              const isIn = event.currentTarget.checked;
              onChange(choices.filter((each) => (each === transport ? isIn : chosen.includes(each))));
            }}
          />
          {transportInfo[transport].title}
        </label>
      ))}
      {!choices.includes("websocket-h2") && (
        <p class="soft small">
          Browsers support HTTP/2 only over TLS, which the lab’s servers do not use: choose “Many users” to
          measure it.
        </p>
      )}
    </fieldset>
  );
}

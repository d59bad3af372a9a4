import { spawnSync } from "node:child_process";
import { Command } from "commander";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { completionFor } from "../../src/cli/completion.js";
import { runProgram } from "../../src/cli/program.js";

function program(): Command {
  const holdfast = new Command("holdfast");
  holdfast
    .command("publish")
    .description("publish one message, or each line")
    .option("--url <url>", "the server");
  holdfast.command("config").description("a user's files").command("show");
  return holdfast;
}

function complete(...words: string[]): string[] {
  const script = `${completionFor("bash", program())}
COMP_WORDS=(${words.map((word) => JSON.stringify(word)).join(" ")}); COMP_CWORD=${words.length - 1}
_holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return spawnSync("bash", ["-c", script], { encoding: "utf8" })
    .stdout.split("\n")
    .filter((line) => line !== "");
}

describe("holdfast completion", () => {
  it.skipIf(spawnSync("bash", ["-c", ":"]).status !== 0)("completes commands and flags in bash", () => {
    expect(complete("holdfast", "")).toEqual(["publish", "config", "--help", "--version"]);
    expect(complete("holdfast", "pu")).toEqual(["publish"]);
    expect(complete("holdfast", "publish", "--u")).toEqual(["--url"]);
    expect(complete("holdfast", "config", "s")).toEqual(["show"]);
  });

  it("describes them in zsh and fish, whatever quotes descriptions have", () => {
    expect(completionFor("zsh", program())).toContain("'config:a user’s files'");
    expect(completionFor("zsh", program())).toContain("publish) compadd -- --url --help; _files ;;");
    const fish = completionFor("fish", program());
    expect(fish).toContain("complete -c holdfast -n __fish_use_subcommand -f -a config -d 'a user’s files'");
    expect(fish).toContain(
      "complete -c holdfast -n '__fish_seen_subcommand_from publish' -l url -d 'the server'",
    );
  });

  it("has all commands there are, and names the shells it knows", async () => {
    const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const report = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    onTestFinished(() => void vi.restoreAllMocks());
    expect(await runProgram(["node", "holdfast", "completion", "bash"])).toBe(0);
    const script = write.mock.calls.join("");
    for (const name of ["serve", "publish", "why", "explain", "connections"])
      expect(script).toContain(`    ${name}) words=`);
    expect(await runProgram(["node", "holdfast", "completion", "tcsh"])).toBe(2);
    expect(report.mock.calls.join("")).toContain("name one of bash, zsh, fish");
  });
});

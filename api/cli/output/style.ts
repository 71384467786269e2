/** Colours, where a person looks on. */
import type { Environment, Output } from '../surroundings.ts';

export interface Style {
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  strong(text: string): string;
  faint(text: string): string;
}

const ansi = (open: number, close: number) => (text: string) => `\u001b[${open}m${text}\u001b[${close}m`;
const plain = (text: string) => text;

const COLOURED: Style = {
  good: ansi(32, 39),
  bad: ansi(31, 39),
  warn: ansi(33, 39),
  strong: ansi(1, 22),
  faint: ansi(2, 22),
};
const PLAIN: Style = { good: plain, bad: plain, warn: plain, strong: plain, faint: plain };

/** Colours on a terminal only, and not where `--no-color`, NO_COLOR (no-color.org) or TERM=dumb says no. */
export const styleFor = (output: Output, env: Environment, wanted: boolean): Style =>
  wanted && output.isTTY && !env.NO_COLOR && env.TERM !== 'dumb' ? COLOURED : PLAIN;

/** Every story that a few steps can make up, for tests that say what must be so whatever happens in which order. */

/** Where one story is played. */
export interface Play<Step> {
  /** Takes the step, and looks. @returns false where it can have no effect now: no story goes on with it */
  take(step: Step): Promise<boolean>;
  /** Looks once more when everything has ended that was under way. */
  end(): Promise<void>;
}

/**
 * Plays every story of so many steps, each in a play of its own.
 * @returns how many were played to their end
 * @throws Error that begins with the story in which something was wrong
 */
export async function playEveryStory<Step extends string>(
  steps: readonly Step[],
  length: number,
  begin: () => Promise<Play<Step>>,
): Promise<number> {
  let whole = 0;
  // A story is a number whose digits are its steps: to count is to go through all of them.
  const digits = Array.from({ length }, () => 0);
  for (let last = 0; last >= 0; ) {
    const story = digits.map((digit) => steps[digit] as Step);
    const idle = await playOne(story, await begin());
    if (idle === length) whole += 1;
    last = Math.min(idle, length - 1);
    while (last >= 0 && digits[last] === steps.length - 1) last -= 1;
    if (last >= 0) digits[last] = (digits[last] ?? 0) + 1;
    digits.fill(0, last + 1);
  }
  return whole;
}

/** @returns the index of the step that had no effect; the story's length where all had one */
async function playOne<Step extends string>(story: readonly Step[], play: Play<Step>): Promise<number> {
  let taken = 0;
  try {
    for (const step of story) {
      if (!(await play.take(step))) break;
      taken += 1;
    }
    await play.end();
    return taken;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${story.slice(0, taken + 1).join(', ')}: ${reason}`, { cause: error });
  }
}

const DEADLINE_MS = 60_000; // costs nothing when all is well

/** Resolves when `condition` holds; fails after a minute, saying what was waited for. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS;
    while (!(await condition())) {
        if (Date.now() > deadline) throw new Error(`Not within a minute: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

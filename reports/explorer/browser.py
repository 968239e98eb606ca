"""Debian's Chromium without a screen, for pages that lie on this machine."""

import contextlib
import importlib.util
import os
import pathlib
import re
import time

# WebDriver's keys.
ENTER, DELETE, LEFT, RIGHT, DOWN = "\ue007", "\ue017", "\ue012", "\ue014", "\ue015"
CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
           # It asks nobody anything.
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--no-first-run", "--disable-quic")
SECONDS = 60        # to wait for an answer; some are enough on a machine that is not busy


def missing():
    """Returns what there is not, and how to install it, or None."""
    if not (os.path.exists(CHROMIUM) and os.path.exists(DRIVER)):
        return f"there are no {CHROMIUM} and {DRIVER}: apt-get install chromium chromium-driver"
    if importlib.util.find_spec("selenium") is None:
        return "there is no selenium: make install"
    return None


@contextlib.contextmanager
def opened(path, width=1280, height=800):
    """Yields a Selenium driver that shows an explorer's page in a window of a size in pixels."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        # A window may not be so narrow, nor is all of it the page's.
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", dict(
            width=width, height=height, deviceScaleFactor=1, mobile=False))
        driver.get(pathlib.Path(path).resolve().as_uri())
        wait(driver)
        yield driver
    finally:
        driver.quit()


def wait(driver):
    """Waits until the network has answered to all that was drawn or turned."""
    until(lambda: find(driver, "main").get_attribute("aria-busy") == "false")


def answer_time(driver):
    """Returns the milliseconds of the last answer, as the page shows them: int."""
    return int(re.fullmatch(r"Answered in (\d+) ms", find(driver, "#time").text)[1])


def until(is_true):
    """Waits until a function returns True; raises TimeoutError after SECONDS."""
    end = time.monotonic() + SECONDS
    while not is_true():
        if time.monotonic() > end:
            raise TimeoutError(f"The page did not answer within {SECONDS} seconds.")
        time.sleep(0.02)


def find(driver, selector):
    """Returns the first element of a CSS selector."""
    return driver.find_element("css selector", selector)


def find_all(driver, selector):
    """Returns the elements of a CSS selector."""
    return driver.find_elements("css selector", selector)


def draw(driver, points, after_each=lambda: None):
    """Draws a stroke on the pad with the mouse.

    Args:
      driver: Selenium driver of `opened`.
      points: pairs (x, y), parts of the pad's width and height.
      after_each: function without arguments, called after each point.
    """
    from selenium.webdriver.common.actions.action_builder import ActionBuilder

    box = find(driver, "#pad").rect
    for number, (x, y) in enumerate(points):
        actions = ActionBuilder(driver, duration=0)
        actions.pointer_action.move_to_location(round(box["x"] + x * box["width"]),
                                                round(box["y"] + y * box["height"]))
        if number == 0:
            actions.pointer_action.pointer_down()
        if number == len(points) - 1:
            actions.pointer_action.pointer_up()
        actions.perform()
        after_each()

import datetime

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)
January, February = 1, 2
day_name = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
day_abbr = [name[:3] for name in day_name]
month_name = ["", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
month_abbr = [name[:3] for name in month_name]
_DAYS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


class IllegalMonthError(ValueError):
    def __init__(self, month): self.month = month
    def __str__(self): return f"bad month number {self.month!r}; must be 1-12"


class IllegalWeekdayError(ValueError):
    def __init__(self, weekday): self.weekday = weekday
    def __str__(self): return f"bad weekday number {self.weekday!r}; must be 0 (Monday) to 6 (Sunday)"


def isleap(year): return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def leapdays(y1, y2):
    y1, y2 = y1 - 1, y2 - 1
    return (y2 // 4 - y1 // 4) - (y2 // 100 - y1 // 100) + (y2 // 400 - y1 // 400)


def weekday(year, month, day):
    if not 1 <= year <= 9999:
        year = 2000 + year % 400
    return datetime.date(year, month, day).weekday()


def monthrange(year, month):
    if not 1 <= month <= 12:
        raise IllegalMonthError(month)
    return weekday(year, month, 1), _DAYS[month] + (month == February and isleap(year))


def timegm(t):
    year, month, day, hour, minute, second = t[:6]
    return ((datetime.date(year, month, 1).toordinal() - 719163 + day - 1) * 24 + hour) * 3600 + minute * 60 + second


class Calendar:
    def __init__(self, firstweekday=0): self.firstweekday = firstweekday
    def getfirstweekday(self): return self.firstweekday % 7
    def setfirstweekday(self, firstweekday): self.firstweekday = firstweekday

    def iterweekdays(self):
        for i in range(self.firstweekday, self.firstweekday + 7):
            yield i % 7

    def itermonthdays(self, year, month):
        first, days = monthrange(year, month)
        before = (first - self.firstweekday) % 7
        yield from [0] * before
        yield from range(1, days + 1)
        yield from [0] * ((self.firstweekday - first - days) % 7)

    def itermonthdays2(self, year, month):
        for i, day in enumerate(self.itermonthdays(year, month), self.firstweekday):
            yield day, i % 7

    def itermonthdates(self, year, month):
        first, days = monthrange(year, month)
        day = datetime.date(year, month, 1) - datetime.timedelta((first - self.firstweekday) % 7)
        for _ in range(sum(1 for _ in self.itermonthdays(year, month))):
            yield day
            day += datetime.timedelta(1)

    def monthdayscalendar(self, year, month): return _weeks(list(self.itermonthdays(year, month)))
    def monthdays2calendar(self, year, month): return _weeks(list(self.itermonthdays2(year, month)))
    def monthdatescalendar(self, year, month): return _weeks(list(self.itermonthdates(year, month)))


def _weeks(days): return [days[i:i + 7] for i in range(0, len(days), 7)]


class TextCalendar(Calendar):
    def formatweekheader(self, width):
        names = day_name if width >= 9 else day_abbr
        return " ".join(names[i][:width].center(width) for i in self.iterweekdays())

    def formatmonth(self, theyear, themonth, w=0, l=0):
        w, l = max(2, w), max(1, l)
        lines = [f"{month_name[themonth]} {theyear!r}".center(7 * (w + 1) - 1).rstrip(), self.formatweekheader(w).rstrip()]
        for week in self.monthdays2calendar(theyear, themonth):
            lines.append(" ".join(("%2i" % day if day else "").center(w) for day, _ in week).rstrip())
        return "".join(line + "\n" * l for line in lines)


_calendar = TextCalendar()


def firstweekday(): return _calendar.getfirstweekday()


def setfirstweekday(firstweekday):
    if not MONDAY <= firstweekday <= SUNDAY:
        raise IllegalWeekdayError(firstweekday)
    _calendar.firstweekday = firstweekday


def monthcalendar(year, month): return _calendar.monthdayscalendar(year, month)
def weekheader(width): return _calendar.formatweekheader(width)
def month(theyear, themonth, w=0, l=0): return _calendar.formatmonth(theyear, themonth, w, l)
